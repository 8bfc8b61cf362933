#include "proxy/session/upload.h"

namespace hawser::session {

http::ServerStream::Ahead Upload::ReadAhead(size_t most, bool hung_up) {
  using Ahead = http::ServerStream::Ahead;
  HAWSER_DCHECK(!under_way());
  if (client_state_ != ClientState::kSends && hung_up) return Ahead::kLeft;
  if (client_state_ == ClientState::kFull) return Ahead::kNothing;
  const Ahead ahead = client_.ReadAhead(most);
  if (ahead == Ahead::kEnded && hung_up) return Ahead::kLeft;
  if (ahead == Ahead::kEnded) client_state_ = ClientState::kEnded;
  if (ahead == Ahead::kTooMuch) client_state_ = ClientState::kFull;
  return ahead;
}

void Upload::Begin(bool awaits_continue) {
  HAWSER_DCHECK(!body_);
  body_.emplace();
  awaits_continue_ = awaits_continue;
  if (client_state_ == ClientState::kFull) client_state_ = ClientState::kSends;
}

void Upload::Withdraw() {
  HAWSER_DCHECK(!begun());
  body_.reset();
}

Upload::Progress Upload::Pump(WorkerServices& services, http::MessageStream& backend) {
  HAWSER_DCHECK(under_way());
  const auto progress = body_->Pump(services, client_, backend);
  if (progress == BodyRelay::Progress::kSourceBroken) return Progress::kBroken;
  if (progress == BodyRelay::Progress::kSinkBroken) body_->Abandon();
  if (!body_->TakeMoved() && !body_->done()) return Progress::kStill;
  awaits_continue_ = false;
  return Progress::kMoved;
}

}  // namespace hawser::session
