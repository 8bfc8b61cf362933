// A WebSocket on a stream of HTTP/2 (RFC 8441), the client's side, one on a connection: bytes from the wire
// become the tunnel's payload and back. Does no I/O. The windows that it opens are so large that the peer
// never waits for it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <nghttp2/nghttp2.h>

namespace hawser::bench {

class Http2Tunnel {
 public:
  // `headers` are lines as of HTTP/1.1. The extended CONNECT leaves once the peer has announced that it knows
  // it.
  Http2Tunnel(std::string scheme, std::string host, std::string path,
              const std::vector<std::string>& headers);
  Http2Tunnel(const Http2Tunnel&) = delete;
  Http2Tunnel& operator=(const Http2Tunnel&) = delete;

  // Takes what came; the tunnel's payload is appended to `payload`.
  void Receive(std::span<const std::byte> wire, std::vector<std::byte>& payload);
  // Takes all of it.
  void Send(std::span<const std::byte> payload);
  // Appends what is to be sent to `wire`, until that holds `most` bytes.
  void Collect(std::vector<std::byte>& wire, size_t most);

  bool open() const { return open_; }                      // the 200 has come
  bool ended() const { return ended_; }                    // the stream or the connection is over
  const std::string& refusal() const { return refusal_; }  // why it is, if that was before the tunnel opened

 private:
  struct Freed {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };
  void Request();
  void Refused(std::string why);
  static int OnFrame(nghttp2_session* session, const nghttp2_frame* frame, void* self);
  static int OnHeader(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name,
                      size_t name_size, const uint8_t* value, size_t value_size, uint8_t flags, void* self);
  static int OnData(nghttp2_session* session, uint8_t flags, int32_t stream, const uint8_t* data, size_t size,
                    void* self);
  static int OnStreamClose(nghttp2_session* session, int32_t stream, uint32_t error, void* self);
  static ssize_t Read(nghttp2_session* session, int32_t stream, uint8_t* into, size_t most, uint32_t* flags,
                      nghttp2_data_source* source, void* self);

  std::unique_ptr<nghttp2_session, Freed> session_;
  std::vector<std::pair<std::string, std::string>> fields_;
  int32_t stream_ = 0;
  std::vector<std::byte> unsent_;
  std::vector<std::byte>* payload_ = nullptr;  // of Receive, while it runs
  std::string status_;
  std::string refusal_;
  bool open_ = false;
  bool ended_ = false;
};

}  // namespace hawser::bench
