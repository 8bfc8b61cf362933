#include "proxy/http2/client_stream.h"

#include <utility>

#include "proxy/http/upgrade.h"

namespace hawser::http2 {

ClientStream::ClientStream(std::unique_ptr<Stream> stream, std::string_view scheme)
    : StreamSide(std::move(stream)), scheme_(scheme) {}

bool ClientStream::SendRequest(const http::RequestHead& head, const http::UpgradeRequest* upgrade) {
  upgrade_ = upgrade;
  head_request_ = head.method == "HEAD";
  SentHead fields;
  return fields.SetRequest(head, upgrade != nullptr, scheme_) &&
         stream().SubmitRequest(fields, upgrade == nullptr && !head.body);
}

http::ClientStream::HeadState ClientStream::ReadResponse(http::ResponseHead& head) {
  std::unique_ptr<ReceivedHead> text = stream().TakeHead();
  if (text == nullptr) return stream().reset() ? HeadState::kEnded : HeadState::kBlocked;
  text_ = std::move(text);
  // A response that is reset before its head was read (HEADERS and RST_STREAM in one read) is no response,
  // but counts as an answer.
  if (stream().cut()) return HeadState::kEnded;
  head = {};
  if (!text_->ReadResponse(head)) return HeadState::kMalformed;
  if (head.status < 200) return HeadState::kInterim;
  if (upgrade_ != nullptr && head.status < 300) {
    if (!http::KeepsToTheOffer(head.headers, *upgrade_)) return HeadState::kBadUpgrade;
    head.headers.Remove("Sec-WebSocket-Accept");
    head.status = 101;
    stream().BecomeTunnel();
    return HeadState::kTunnel;
  }
  // nghttp2 does not enforce the length of an answer to a CONNECT.
  if (upgrade_ != nullptr) head.headers.Remove("Content-Length");
  head.body = head.body && !head_request_ && !http::NeverHasBody(head.status) && !stream().complete();
  return HeadState::kFinal;
}

std::unique_ptr<net::ByteStream> ClientStream::TakeTunnel(std::string& early) {
  early.clear();
  return TakeStream();
}

}  // namespace hawser::http2
