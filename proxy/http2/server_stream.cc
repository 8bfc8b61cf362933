#include "proxy/http2/server_stream.h"

#include <utility>

namespace hawser::http2 {

ServerStream::ServerStream(std::unique_ptr<Stream> stream, std::unique_ptr<ReceivedHead> text,
                           const http::RequestHead& head)
    : StreamSide(std::move(stream)), text_(std::move(text)), extended_connect_(!head.protocol.empty()) {}

http::ServerStream::Ahead ServerStream::ReadAhead(size_t most) {
  if (stream().reset()) return Ahead::kLeft;
  const size_t bytes = stream().MarkReported();
  return extended_connect_ && bytes > most ? Ahead::kTooMuch : Ahead::kNothing;
}

bool ServerStream::SendInterim(const http::ResponseHead& head) {
  SentHead fields;
  return head.status >= 100 && head.status < 200 && fields.SetResponse(head.status, head.headers) &&
         stream().SubmitInterim(fields);
}

bool ServerStream::SendResponse(const http::ResponseHead& head, bool) {
  if (extended_connect_ && head.status >= 200 && head.status < 300) return false;
  SentHead fields;
  return head.status >= 200 && fields.SetResponse(head.status, head.headers) &&
         stream().SubmitResponse(fields, !head.body);
}

bool ServerStream::OpenTunnel(const http::ResponseHead& head, const http::UpgradeRequest&) {
  SentHead fields;
  if (!extended_connect_ || !fields.SetResponse(200, head.headers)) return false;
  stream().BecomeTunnel();
  return stream().SubmitResponse(fields, false);
}

void ServerStream::Close(net::CloseReason reason) {
  const bool early = reason == net::CloseReason::kOrderly && has_stream() && stream().answered_early();
  early ? Stream::DropRest(TakeStream()) : StreamSide::Close(reason);
}

}  // namespace hawser::http2
