#include "bench/load/http2_tunnel.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <utility>

#include "fmt/format.h"

namespace hawser::bench {
namespace {

constexpr int32_t kWindow = 0x7fffffff;
constexpr size_t kLargestFrame = 9 + 16384;  // as the peer has not allowed more

std::string_view Text(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

// "Origin: https://a.example" as HTTP/2 has it.
std::pair<std::string, std::string> FieldOf(const std::string& line) {
  const size_t colon = std::min(line.find(':'), line.size());
  std::string name = line.substr(0, colon);
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  const size_t value = line.find_first_not_of(' ', std::min(colon + 1, line.size()));
  return {std::move(name), value == std::string::npos ? "" : line.substr(value)};
}

}  // namespace

Http2Tunnel::Http2Tunnel(std::string scheme, std::string host, std::string path,
                         const std::vector<std::string>& headers)
    : fields_{{":method", "CONNECT"},     {":protocol", "websocket"},      {":scheme", std::move(scheme)},
              {":path", std::move(path)}, {":authority", std::move(host)}, {"sec-websocket-version", "13"}} {
  for (const std::string& header : headers) fields_.push_back(FieldOf(header));
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, OnFrame);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnData);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, OnStreamClose);
  nghttp2_session* session = nullptr;
  nghttp2_session_client_new(&session, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  session_.reset(session);
  const std::array<nghttp2_settings_entry, 2> settings = {
      {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}, {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindow}}};
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, kWindow);
}

void Http2Tunnel::Receive(std::span<const std::byte> wire, std::vector<std::byte>& payload) {
  payload_ = &payload;
  const ssize_t taken =
      nghttp2_session_mem_recv(session_.get(), reinterpret_cast<const uint8_t*>(wire.data()), wire.size());
  payload_ = nullptr;
  if (taken < 0) Refused(nghttp2_strerror(static_cast<int>(taken)));
}

void Http2Tunnel::Send(std::span<const std::byte> payload) {
  unsent_.insert(unsent_.end(), payload.begin(), payload.end());
  nghttp2_session_resume_data(session_.get(), stream_);
}

void Http2Tunnel::Collect(std::vector<std::byte>& wire, size_t most) {
  const uint8_t* bytes = nullptr;
  while (wire.size() + kLargestFrame <= most) {
    const ssize_t count = nghttp2_session_mem_send(session_.get(), &bytes);
    if (count <= 0) return;
    const auto part = std::as_bytes(std::span(bytes, static_cast<size_t>(count)));
    wire.insert(wire.end(), part.begin(), part.end());
  }
}

void Http2Tunnel::Request() {
  std::vector<nghttp2_nv> fields;
  for (auto& [name, value] : fields_) {
    fields.push_back({reinterpret_cast<uint8_t*>(name.data()), reinterpret_cast<uint8_t*>(value.data()),
                      name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  const nghttp2_data_provider body = {.source = {}, .read_callback = Read};
  stream_ = nghttp2_submit_request(session_.get(), nullptr, fields.data(), fields.size(), &body, nullptr);
}

void Http2Tunnel::Refused(std::string why) {
  if (!open_ && refusal_.empty()) refusal_ = std::move(why);
  ended_ = true;
}

int Http2Tunnel::OnFrame(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
  auto& tunnel = *static_cast<Http2Tunnel*>(self);
  const bool settings = frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0;
  if (settings && tunnel.stream_ == 0) {
    if (nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) != 1) {
      tunnel.Refused("extended CONNECT is not announced");
    } else {
      tunnel.Request();
    }
  }
  if (frame->hd.type == NGHTTP2_HEADERS && !tunnel.open_ && frame->headers.cat == NGHTTP2_HCAT_RESPONSE) {
    tunnel.open_ = tunnel.status_ == "200";
    if (!tunnel.open_) tunnel.Refused(fmt::format("refused: {}", tunnel.status_));
  }
  if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR) {
    tunnel.Refused(fmt::format("GOAWAY {}", nghttp2_http2_strerror(frame->goaway.error_code)));
  }
  if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && frame->hd.stream_id == tunnel.stream_)
    tunnel.ended_ = true;
  return 0;
}

int Http2Tunnel::OnHeader(nghttp2_session*, const nghttp2_frame*, const uint8_t* name, size_t name_size,
                          const uint8_t* value, size_t value_size, uint8_t, void* self) {
  if (Text(name, name_size) == ":status") static_cast<Http2Tunnel*>(self)->status_ = Text(value, value_size);
  return 0;
}

int Http2Tunnel::OnData(nghttp2_session*, uint8_t, int32_t, const uint8_t* data, size_t size, void* self) {
  const auto bytes = std::as_bytes(std::span(data, size));
  std::vector<std::byte>& payload = *static_cast<Http2Tunnel*>(self)->payload_;
  payload.insert(payload.end(), bytes.begin(), bytes.end());
  return 0;
}

int Http2Tunnel::OnStreamClose(nghttp2_session*, int32_t, uint32_t error, void* self) {
  static_cast<Http2Tunnel*>(self)->Refused(fmt::format("stream closed: {}", nghttp2_http2_strerror(error)));
  return 0;
}

ssize_t Http2Tunnel::Read(nghttp2_session*, int32_t, uint8_t* into, size_t most, uint32_t*,
                          nghttp2_data_source*, void* self) {
  std::vector<std::byte>& unsent = static_cast<Http2Tunnel*>(self)->unsent_;
  if (unsent.empty()) return NGHTTP2_ERR_DEFERRED;
  const size_t count = std::min(most, unsent.size());
  std::memcpy(into, unsent.data(), count);
  unsent.erase(unsent.begin(), unsent.begin() + static_cast<ptrdiff_t>(count));
  return static_cast<ssize_t>(count);
}

}  // namespace hawser::bench
