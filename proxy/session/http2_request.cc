#include "proxy/session/http2_request.h"

#include <span>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/session/tunnel.h"

namespace hawser::session {

// Owned by connection.requests from here on; taken back by End.
void Http2Request::Start(const Connection& connection, http2::Session::Arrival arrival) {
  auto* request = std::make_unique<Http2Request>(connection, std::move(arrival)).release();
  connection.requests.PushBack(*request);
  request->Advance({});
}

Http2Request::Http2Request(const Connection& connection, http2::Session::Arrival arrival)
    : services_(connection.services), stream_(std::move(arrival.stream)) {
  stream_->Watch(this, Exchange::kClientTag);
  exchange_ = std::make_unique<Exchange>(services_, connection.backends, *this,
                                         Exchange::Client{.stream = *stream_,
                                                          .listener = connection.listener,
                                                          .peer = connection.peer,
                                                          .tls = connection.tls,
                                                          .reject = arrival.reject},
                                         std::move(arrival.head));
}

void Http2Request::OnReady(event::Ready ready) {
  if (exchange_ != nullptr) Advance(ready);
}

void Http2Request::Advance(event::Ready ready) {
  HAWSER_DCHECK(exchange_ != nullptr);
  switch (exchange_->Advance(ready)) {
    case Exchange::Progress::kWaiting: return;
    case Exchange::Progress::kTunnel: return OpenTunnel();
    case Exchange::Progress::kReusable:
    case Exchange::Progress::kFinished: return End(net::CloseReason::kOrderly);
    case Exchange::Progress::kBroken: return End(net::CloseReason::kAbort);
  }
}

void Http2Request::OpenTunnel() {
  // The leases stay with the connection, which has other streams; early bytes wait in the stream.
  exchange_->OpenTunnel(stream_->TakeTunnel(), {}, {});
  End(net::CloseReason::kOrderly);
}

void Http2Request::Abort() {
  // Through the exchange, so that the log says that the client left.
  if (exchange_ != nullptr) Advance({.readable = true, .tag = Exchange::kClientTag});
  if (exchange_ != nullptr) End(net::CloseReason::kAbort);
}

void Http2Request::Cut(http::Reject reason) {
  HAWSER_DCHECK(exchange_ != nullptr);
  exchange_->GiveUp(reason);
  End(net::CloseReason::kAbort);
}

void Http2Request::End(net::CloseReason reason) {
  HAWSER_DCHECK(exchange_ != nullptr);
  exchange_ = nullptr;
  stream_->Close(reason);  // does nothing if a tunnel has taken the stream
  for (const uint8_t tag : {Exchange::kClientTag, Exchange::kBackendTag, Exchange::kFilterTag}) {
    services_.loop.CancelSoon(*this, tag);
  }
  Unlink();
  services_.loop.Retire(std::unique_ptr<IoHandler>(this));
}

}  // namespace hawser::session
