#include "proxy/http1/server_stream.h"

#include <utility>

#include "proxy/base/check.h"
#include "proxy/http1/serializer.h"

namespace hawser::http1 {

ServerStream::ServerStream(event::Loop& loop, net::ByteStream& transport, const http::RequestHead& head,
                           std::string head_bytes, std::string held)
    : loop_(loop),
      transport_(transport),
      head_bytes_(std::move(head_bytes)),
      held_(std::move(held)),
      head_request_(head.method == "HEAD"),
      http11_(head.version == http::Version::kHttp11),
      keep_alive_(http11_ && !head.headers.HasToken("Connection", "close")) {
  reader_.Begin(RequestFraming(head).framing);  // the parser has refused what cannot be framed
}

void ServerStream::Watch(event::IoHandler* handler, uint8_t tag) {
  handler_ = handler;
  tag_ = tag;
  transport_.Watch(handler, tag);
}

void ServerStream::Want(event::Interest interest) {
  transport_.Want(interest);
  HAWSER_DCHECK(handler_ != nullptr || interest == event::Interest{});
  if (interest.read && reader_.pending(held_)) loop_.Soon(*handler_, {.readable = true, .tag = tag_});
}

http::ServerStream::Ahead ServerStream::ReadAhead(size_t most) {
  reader_.Leave();
  const auto scratch = loop_.scratch();
  const net::IoResult got = transport_.Read(scratch.first(scratch.size() / 4));
  held_.append(reinterpret_cast<const char*>(scratch.data()), got.bytes);
  if (got.state == net::IoState::kError) return Ahead::kLeft;
  ended_ = got.state == net::IoState::kEnd;
  if (ended_) return Ahead::kEnded;
  return held_.size() > most ? Ahead::kTooMuch : Ahead::kNothing;
}

bool ServerStream::SendInterim(const http::ResponseHead& head) {
  if (!http11_) return true;  // HTTP/1.0 knows none (RFC 9110 §15.2)
  std::string text;
  if (!AppendResponseHead(head, {}, text)) return false;
  writer_.Queue(std::move(text));
  return true;
}

bool ServerStream::SendResponse(const http::ResponseHead& head, bool keep) {
  const bool ends_with_head = head_request_ || http::NeverHasBody(head.status);
  HAWSER_DCHECK(!head.body || !ends_with_head);
  const bool sized = ends_with_head || head.headers.Count("Content-Length") > 0;
  const bool chunked = !sized && head.body && http11_;
  // Behind a request whose body has not come whole nobody knows where the next request begins.
  const bool more = !ended_ || !held_.empty();
  keep_alive_ = keep_alive_ && keep && (sized || chunked || !head.body) && reader_.done() && more;
  http::HeaderList own;
  if (chunked) own.Add("Transfer-Encoding", "chunked");
  if (!sized && !head.body) own.Add("Content-Length", "0");
  if (head.status == 426) AddUpgradeOffer(own);
  if (!keep_alive_) own.Add("Connection", "close");
  std::string text;
  if (!AppendResponseHead(head, own, text)) return false;
  writer_.Queue(std::move(text));
  writer_.Begin(chunked ? BodyWriter::Framing::kChunked : BodyWriter::Framing::kBare);
  if (!head.body) writer_.End({});
  return true;
}

bool ServerStream::OpenTunnel(const http::ResponseHead& head, const http::UpgradeRequest& upgrade) {
  const std::string accept = http::AcceptFor(upgrade.key);
  http::HeaderList own;
  own.Reserve(3);
  http::AddUpgradeFields(own);
  own.Add("Sec-WebSocket-Accept", accept);
  std::string text;
  if (!AppendResponseHead(head, own, text)) return false;
  writer_.Queue(std::move(text));
  return true;
}

}  // namespace hawser::http1
