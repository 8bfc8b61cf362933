#include "proxy/http2/session.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/http2/connection.h"

namespace hawser::http2 {
namespace {

using HeadState = http::ClientStream::HeadState;
using net::IoState;
using testing::AllOf;
using testing::ElementsAre;
using testing::Field;

TEST(Session, ExchangesSettings) {
  Connection at;
  EXPECT_TRUE(at.client->settings_received());
  EXPECT_TRUE(at.client->extended_connect());
  EXPECT_EQ(at.client->free_slots(), 100u);
  EXPECT_EQ(at.server->end(), End::kNone);
}

TEST(Session, CarriesARequestAndItsResponse) {
  Connection at;
  http::RequestHead head = Get("/a?b=c");
  head.headers.Add("Accept", "*/*");
  head.headers.Add("Cookie", "a=1");
  head.headers.Add("Cookie", "b=2");
  auto exchange = at.Request(head);
  ASSERT_NE(exchange.server, nullptr);
  EXPECT_EQ(exchange.reject, http::Reject::kNone);
  EXPECT_EQ(exchange.head.method, "GET");
  EXPECT_EQ(exchange.head.target, "/a?b=c");
  EXPECT_EQ(exchange.head.scheme, "http");
  EXPECT_EQ(exchange.head.authority, "example.com");
  EXPECT_EQ(exchange.head.version, http::Version::kHttp2);
  EXPECT_FALSE(exchange.head.body);
  EXPECT_EQ(exchange.head.headers.Find("accept"), "*/*");
  EXPECT_EQ(exchange.head.headers.Count("cookie"), 2u);

  http::ResponseHead ok = Ok();
  ok.headers.Add("Content-Type", "text/plain");
  ASSERT_TRUE(exchange.server->SendResponse(ok, true));
  EXPECT_EQ(WriteText(*exchange.server, "hello").state, IoState::kOk);
  exchange.server->ShutdownWrite();
  at.Run();
  http::ResponseHead response;
  ASSERT_EQ(exchange.client->ReadResponse(response), HeadState::kFinal);
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(response.body);
  EXPECT_EQ(response.headers.Find("content-type"), "text/plain");
  const Got body = ReadAll(*exchange.client);
  EXPECT_EQ(body.text, "hello");
  EXPECT_EQ(body.state, IoState::kEnd);
}

TEST(Session, FreesTheSlotOnBothSidesWhenTheStreamsGo) {
  Connection at;
  {
    auto exchange = at.Request(Get());
    EXPECT_EQ(at.client->streams(), 1u);
    EXPECT_EQ(at.client->free_slots(), 99u);
    ASSERT_TRUE(exchange.server->SendResponse(Ok(false), true));
    at.Run();
  }
  EXPECT_EQ(at.client->streams(), 0u);
  EXPECT_EQ(at.server->streams(), 0u);
  EXPECT_EQ(at.client->free_slots(), 100u);
  EXPECT_EQ(at.server->TakeCounts().resets_received, 0u);
}

TEST(Session, CarriesInterimResponsesAndTrailers) {
  Connection at;
  auto exchange = at.Request(Post());
  http::ResponseHead hints;
  hints.status = 103;
  hints.headers.Add("Link", "</a.css>");
  ASSERT_TRUE(exchange.server->SendInterim(hints));
  ASSERT_TRUE(exchange.server->SendResponse(Ok(), true));
  WriteText(*exchange.server, "body");
  http::HeaderList trailers;
  trailers.Add("Grpc-Status", "0");
  trailers.Add("Content-Length", "4");  // may not stand there
  exchange.server->EndWithTrailers(trailers);
  at.Run();
  http::ResponseHead response;
  ASSERT_EQ(exchange.client->ReadResponse(response), HeadState::kInterim);
  EXPECT_EQ(response.status, 103);
  ASSERT_EQ(exchange.client->ReadResponse(response), HeadState::kFinal);
  EXPECT_EQ(ReadAll(*exchange.client).text, "body");
  EXPECT_EQ(ReadAll(*exchange.client).state, IoState::kEnd);
  EXPECT_EQ(exchange.client->trailers().size(), 1u);
  EXPECT_EQ(exchange.client->trailers().Find("grpc-status"), "0");
}

TEST(Session, CarriesARequestBodyWithTrailers) {
  Connection at;
  auto exchange = at.Request(Post());
  ASSERT_NE(exchange.server, nullptr);
  EXPECT_TRUE(exchange.head.body);
  WriteText(*exchange.client, "upload");
  http::HeaderList trailers;
  trailers.Add("X-Checksum", "7");
  exchange.client->EndWithTrailers(trailers);
  at.Run();
  const Got got = ReadAll(*exchange.server);
  EXPECT_EQ(got.text, "upload");
  EXPECT_EQ(got.state, IoState::kEnd);
  EXPECT_EQ(exchange.server->trailers().Find("x-checksum"), "7");
}

TEST(Session, TrailersPassAWindowThatIsClosed) {
  Settings small;
  small.stream_window = 1000;
  Connection at({}, small);
  auto exchange = at.Request(Get());
  ASSERT_TRUE(exchange.server->SendResponse(Ok(), true));
  EXPECT_EQ(WriteText(*exchange.server, std::string(1000, 'x')).state, IoState::kOk);
  http::HeaderList trailers;
  trailers.Add("X-End", "yes");
  exchange.server->EndWithTrailers(trailers);
  at.Run();
  http::ResponseHead response;
  ASSERT_EQ(exchange.client->ReadResponse(response), HeadState::kFinal);
  EXPECT_EQ(ReadAll(*exchange.client).text.size(), 1000u);
  EXPECT_EQ(exchange.client->trailers().Find("x-end"), "yes");
}

TEST(Session, NeverSendsWhatConcernsOneConnection) {
  Connection at;
  http::RequestHead head = Get();
  for (const char* name :
       {"Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade", "Host", "Proxy-Connection"}) {
    head.headers.Add(name, "x");
  }
  head.headers.Add("TE", "gzip");
  head.headers.Add("X-Kept", "1");
  auto exchange = at.Request(head);
  ASSERT_NE(exchange.server, nullptr);
  EXPECT_EQ(exchange.head.headers.size(), 1u);
}

TEST(Session, RefusesToSendAMalformedHead) {
  Connection at;
  http::RequestHead head = Get();
  head.headers.Add("X-Split", "a\r\nb: c");
  EXPECT_FALSE(at.client->Open()->SendRequest(head, nullptr));
  auto exchange = at.Request(Get());
  http::ResponseHead ok = Ok();
  ok.headers.Add("bad name", "x");
  EXPECT_FALSE(exchange.server->SendResponse(ok, true));
}

TEST(Session, AStreamThatIsNotReadStallsNoOther) {
  Settings server_settings;
  server_settings.stream_window = 16 * 1024;
  server_settings.connection_window = 64 * 1024;
  Connection at(server_settings);
  auto stalled = at.Request(Post());
  auto lively = at.Request(Post());
  const std::string much(1 << 20, 's');
  EXPECT_EQ(WriteText(*stalled.client, much).bytes, 16u * 1024);  // a window of it
  size_t sent = 0, received = 0;
  while (received < much.size()) {
    sent += WriteText(*lively.client, std::string_view(much).substr(sent)).bytes;
    at.Run();
    const size_t got = ReadAll(*lively.server).text.size();
    ASSERT_GT(got, 0u);
    received += got;
    at.Run();  // the window comes back
  }
  EXPECT_EQ(sent, much.size());
  EXPECT_EQ(ReadAll(*stalled.server).text.size(), 16u * 1024);
}

TEST(Session, TellsAWriterThatItsWindowHasOpened) {
  Settings server_settings;
  server_settings.stream_window = 1000;
  Connection at(server_settings);
  auto exchange = at.Request(Post());
  Listener writer;
  exchange.client->Watch(&writer, 3);
  EXPECT_EQ(WriteText(*exchange.client, std::string(1500, 'x')).bytes, 1000u);
  exchange.client->Want({.write = true});
  at.Run();
  EXPECT_EQ(writer.calls, 0);
  EXPECT_EQ(ReadAll(*exchange.server).text.size(), 1000u);
  writer.then = [&](event::Ready) { exchange.client->Want({}); };
  at.Run();
  EXPECT_EQ(writer.calls, 1);
  EXPECT_TRUE(writer.last.writable);
  EXPECT_EQ(writer.last.tag, 3);
  EXPECT_EQ(WriteText(*exchange.client, std::string(500, 'x')).state, IoState::kOk);
}

TEST(Session, TellsAReaderUntilItHasReadAll) {
  Connection at;
  auto exchange = at.Request(Post());
  Listener reader;
  std::string text;
  reader.then = [&](event::Ready) {
    char two[2];
    const auto got = exchange.server->Read(std::as_writable_bytes(std::span(two)));
    text.append(two, got.bytes);
  };
  exchange.server->Watch(&reader, 1);
  exchange.server->Want({.read = true});
  WriteText(*exchange.client, "seven!!");
  at.Run();
  EXPECT_EQ(text, "seven!!");
  EXPECT_EQ(reader.calls, 4);
}

TEST(Session, TheOutputOfManyStreamsInATurnLeavesInOneWrite) {
  Connection at;
  auto one = at.Request(Get("/1"));
  auto two = at.Request(Get("/2"));
  const int before = at.pair.near.calls();
  for (auto* exchange : {&one, &two}) {
    ASSERT_TRUE(exchange->server->SendResponse(Ok(), true));
    WriteText(*exchange->server, "body");
    exchange->server->ShutdownWrite();
  }
  EXPECT_EQ(at.pair.near.calls(), before);
  at.loop->RunOnce(base::Duration(0));
  EXPECT_EQ(at.pair.near.calls(), before + 1);
}

TEST(Session, AStreamWithNothingUnreadHoldsNoBuffer) {
  Connection at;
  auto exchange = at.Request(Post());
  WriteText(*exchange.client, "some");
  at.Run();
  EXPECT_EQ(at.pool.in_use(), 1u);
  EXPECT_EQ(ReadAll(*exchange.server).text, "some");
  at.Run();
  EXPECT_EQ(at.pool.in_use(), 0u);
}

TEST(Session, RefusesStreamsAboveTheLimit) {
  Settings server_settings;
  server_settings.max_concurrent_streams = 2;
  Connection at(server_settings);
  EXPECT_EQ(at.client->free_slots(), 2u);
  auto one = at.client->Open();
  auto two = at.client->Open();
  EXPECT_NE(two, nullptr);
  EXPECT_EQ(at.client->Open(), nullptr);
}

TEST(Session, AStreamKeepsItsSlotWhileItsRequestIsWorkedOn) {
  Settings server_settings;
  server_settings.max_concurrent_streams = 1;
  Connection at(server_settings);
  auto first = at.Request(Get());
  ASSERT_NE(first.server, nullptr);
  first.client = nullptr;  // reset, but the server's side of it goes on
  at.Run();
  auto second = at.Request(Get());
  EXPECT_EQ(second.server, nullptr);
  http::ResponseHead response;
  EXPECT_EQ(second.client->ReadResponse(response), HeadState::kEnded);
  EXPECT_TRUE(second.client->unprocessed());
  EXPECT_EQ(at.server->TakeCounts().refused_streams, 1u);
  second.client = nullptr;
  first.server = nullptr;
  at.Run();
  EXPECT_NE(at.Request(Get()).server, nullptr);
}

TEST(Session, AResponseThatIsCompleteLetsTheRestOfTheRequestGo) {
  Settings settings;
  settings.drop_time = base::Duration(1);
  Connection at(settings);
  auto exchange = at.Request(Post());
  ASSERT_TRUE(exchange.server->SendResponse(Ok(false), true));
  exchange.server->Close(net::CloseReason::kOrderly);
  at.Run();
  http::ResponseHead response;
  ASSERT_EQ(exchange.client->ReadResponse(response), HeadState::kFinal);
  EXPECT_EQ(ReadAll(*exchange.client).state, IoState::kEnd);
  while (at.server->streams() > 0) at.loop->RunOnce(base::Duration(5));
  at.Run();
  EXPECT_EQ(WriteText(*exchange.client, "more").state, IoState::kError);
}

TEST(Session, StreamsOutliveTheirSession) {
  Connection at;
  auto exchange = at.Request(Post());
  Listener reader;
  exchange.server->Watch(&reader, 5);
  exchange.server->Want({.read = true});
  at.server = nullptr;
  at.loop->RunOnce(base::Duration(0));
  EXPECT_EQ(reader.calls, 1);
  EXPECT_EQ(ReadAll(*exchange.server).state, IoState::kError);
  EXPECT_EQ(WriteText(*exchange.server, "x").state, IoState::kError);
}

TEST(Session, TheEndOfTheConnectionBreaksItsStreams) {
  Connection at;
  auto exchange = at.Request(Get());
  Listener owner, reader;
  at.client->Watch(&owner, 2);
  exchange.client->Watch(&reader, 1);
  exchange.client->Want({.read = true});
  at.pair.near.Close(net::CloseReason::kAbort);
  at.Run();
  EXPECT_EQ(at.client->end(), End::kBroken);
  EXPECT_EQ(owner.last.tag, 2);
  EXPECT_GE(reader.calls, 1);
  http::ResponseHead response;
  EXPECT_EQ(exchange.client->ReadResponse(response), HeadState::kEnded);
  EXPECT_FALSE(exchange.client->unprocessed());  // nobody knows
}

TEST(Session, ARequestThatNeverLeftIsUnprocessed) {
  Wire at;
  at.pair.far.SetRoom(0);  // still connecting
  const Settings settings;
  auto client = at.Client(settings);
  auto stream = client->Open();
  ASSERT_TRUE(stream->SendRequest(Get(), nullptr));
  EXPECT_EQ(stream->Write({}).state, IoState::kBlocked);
  at.pair.near.Close(net::CloseReason::kAbort);
  at.Run();
  EXPECT_TRUE(stream->unprocessed());
}

TEST(Session, TheOwnerIsCalledWhenAWaitingHeadCanLeave) {
  Wire at;
  at.pair.far.SetRoom(0);
  const Settings settings;
  auto client = at.Client(settings);
  auto stream = client->Open();
  Listener owner;
  stream->Watch(&owner, 1);
  ASSERT_TRUE(stream->SendRequest(Get(), nullptr));
  EXPECT_EQ(stream->Write({}).state, IoState::kBlocked);
  stream->Want({.write = true});
  at.Run();
  EXPECT_EQ(owner.calls, 0);
  owner.then = [&](event::Ready) { stream->Want({}); };
  at.pair.far.AddRoom(1 << 20);
  at.Run();
  EXPECT_EQ(owner.calls, 1);
  EXPECT_EQ(stream->Write({}).state, IoState::kOk);
}

TEST(Session, SlowTransportsHoldBackEveryWriterInTurn) {
  Connection at;
  at.pair.near.LimitWrites(100);
  std::vector<Connection::Exchange> exchanges;
  std::vector<Listener> writers(3);
  std::vector<size_t> sent(3);
  const std::string text(20'000, 'x');
  for (size_t i = 0; i < 3; ++i) exchanges.push_back(at.Request(Get()));
  for (size_t i = 0; i < 3; ++i) {
    ServerStream& stream = *exchanges[i].server;
    ASSERT_TRUE(stream.SendResponse(Ok(), true));
    writers[i].then = [&, i](event::Ready) {
      sent[i] += WriteText(*exchanges[i].server, std::string_view(text).substr(sent[i])).bytes;
      exchanges[i].server->Want({.write = sent[i] < text.size()});
    };
    stream.Watch(&writers[i], 1);
    stream.Want({.write = true});
  }
  at.Run();
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(sent[i], text.size());
    EXPECT_EQ(ReadAll(*exchanges[i].client).text.size(), text.size());
  }
}

}  // namespace
}  // namespace hawser::http2
