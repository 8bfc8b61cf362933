#include "tests/integration/harness/http2_backend.h"

#include <gtest/gtest.h>

#include <utility>

namespace hawser::integration {

Http2Backend::Http2Backend(Wire wire, bool websockets) : wire_(std::move(wire)) {
  nghttp2_hd_inflate_new(&inflater_);
  EXPECT_EQ(wire_.Read(24), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  wire_.Send(RawFrame(NGHTTP2_SETTINGS, 0, 0,
                      BigEndian(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 2) + BigEndian(websockets, 4)));
}

Http2Backend::~Http2Backend() {
  nghttp2_hd_inflate_del(inflater_);
}

std::optional<SeenFrame> Http2Backend::ReadFrame() {
  while (auto frame = ReadRawFrame(wire_)) {
    if (frame->type != NGHTTP2_SETTINGS && frame->type != NGHTTP2_PING) return frame;
    if ((frame->flags & NGHTTP2_FLAG_ACK) != 0) continue;
    wire_.Send(RawFrame(frame->type, NGHTTP2_FLAG_ACK, 0, frame->type == NGHTTP2_PING ? frame->payload : ""));
  }
  return std::nullopt;
}

Http2Backend::Request Http2Backend::ReadRequest() {
  auto frame = ReadFrame();
  while (frame && frame->type != NGHTTP2_HEADERS) frame = ReadFrame();
  if (!frame) return {};
  Request request{
      .stream = frame->stream, .fields = {}, .ends = (frame->flags & NGHTTP2_FLAG_END_STREAM) != 0};
  auto* at = reinterpret_cast<uint8_t*>(frame->payload.data());
  for (size_t left = frame->payload.size(); left > 0;) {
    nghttp2_nv field;
    int flags = 0;
    const ssize_t taken = nghttp2_hd_inflate_hd2(inflater_, &field, &flags, at, left, 1);
    if (taken < 0) break;
    at += taken;
    left -= static_cast<size_t>(taken);
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0) continue;
    request.fields[{reinterpret_cast<char*>(field.name), field.namelen}] = {
        reinterpret_cast<char*>(field.value), field.valuelen};
  }
  nghttp2_hd_inflate_end_headers(inflater_);
  return request;
}

std::string Http2Backend::Head(uint32_t stream, int status, bool ends, std::string_view more) {
  const uint8_t flags = NGHTTP2_FLAG_END_HEADERS | (ends ? NGHTTP2_FLAG_END_STREAM : 0);
  return RawFrame(NGHTTP2_HEADERS, flags, stream,
                  Literal(":status", std::to_string(status)) + std::string(more));
}

std::string Http2Backend::Data(uint32_t stream, std::string_view bytes, bool ends) {
  return RawFrame(NGHTTP2_DATA, ends ? NGHTTP2_FLAG_END_STREAM : 0, stream, bytes);
}

std::string Http2Backend::Reset(uint32_t stream, uint32_t code) {
  return RawFrame(NGHTTP2_RST_STREAM, 0, stream, BigEndian(code, 4));
}

}  // namespace hawser::integration
