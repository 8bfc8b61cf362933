#include "tests/integration/harness/http2_client.h"

#include <algorithm>
#include <utility>

namespace hawser::integration {
namespace {

Http2Client& Of(void* client) {
  return *static_cast<Http2Client*>(client);
}

std::string Text(const uint8_t* bytes, size_t count) {
  return {reinterpret_cast<const char*>(bytes), count};
}

std::vector<nghttp2_nv> Pairs(const Fields& fields) {
  const auto bytes = [](const std::string& text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  };
  std::vector<nghttp2_nv> pairs;
  for (const auto& [name, value] : fields) {
    pairs.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  return pairs;
}

}  // namespace

struct Http2Client::Callbacks {
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                      const uint8_t* value, size_t value_size, uint8_t, void* client) {
    Http2Answer& answer = Of(client).answers_[frame->hd.stream_id];
    const std::string field = Text(name, name_size);
    const std::string text = Text(value, value_size);
    if (field == ":status") {
      if (answer.status != 0) answer.interim.push_back(answer.status);
      answer.fields.clear();
      answer.status = std::stoi(text);
      return 0;
    }
    const bool trailer = frame->headers.cat == NGHTTP2_HCAT_HEADERS && answer.head_done;
    (trailer ? answer.trailers : answer.fields)[field] = text;
    return 0;
  }

  static int OnData(nghttp2_session* session, uint8_t, int32_t stream, const uint8_t* bytes, size_t count,
                    void* client) {
    Of(client).answers_[stream].body += Text(bytes, count);
    nghttp2_session_consume_connection(session, count);
    if (Of(client).reads_) nghttp2_session_consume_stream(session, stream, count);
    return 0;
  }

  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* client) {
    Http2Client& at = Of(client);
    const bool carries = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (frame->hd.type == NGHTTP2_DATA) ++at.answers_[frame->hd.stream_id].data_frames;
    if (frame->hd.type == NGHTTP2_HEADERS && at.answers_[frame->hd.stream_id].status >= 200) {
      at.answers_[frame->hd.stream_id].head_done = true;
    }
    if (carries && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
      at.answers_[frame->hd.stream_id].ended = true;
    if (frame->hd.type == NGHTTP2_RST_STREAM)
      at.answers_[frame->hd.stream_id].reset = frame->rst_stream.error_code;
    if (frame->hd.type == NGHTTP2_SETTINGS) at.settings_received_ = true;
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.last_stream_id != INT32_MAX) {
      at.goaway_ = frame->goaway.error_code;
    }
    return 0;
  }

  static ssize_t OnDataSource(nghttp2_session* session, int32_t stream, uint8_t* into, size_t most,
                              uint32_t* flags, nghttp2_data_source*, void* client) {
    Outgoing& outgoing = Of(client).outgoing_[stream];
    const size_t count = std::min(most, outgoing.bytes.size());
    if (count == 0 && !outgoing.end) return NGHTTP2_ERR_DEFERRED;
    std::copy_n(outgoing.bytes.begin(), count, into);
    outgoing.bytes.erase(0, count);
    if (!outgoing.end || !outgoing.bytes.empty()) return static_cast<ssize_t>(count);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!outgoing.trailers.empty()) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      const auto pairs = Pairs(outgoing.trailers);
      nghttp2_submit_trailer(session, stream, pairs.data(), pairs.size());
    }
    return static_cast<ssize_t>(count);
  }
};

Http2Client::Http2Client(Wire wire, const Http2Options& options)
    : wire_(std::move(wire)), reads_(options.reads) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::OnHeader);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::OnData);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::OnFrame);
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_session_client_new2(&session_, callbacks, this, option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options.window};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &entry, 1);
  Flush();
}

Http2Client::~Http2Client() {
  nghttp2_session_del(session_);
}

void Http2Client::Flush() {
  const uint8_t* bytes = nullptr;
  std::string all;
  for (ssize_t count = 0; (count = nghttp2_session_mem_send(session_, &bytes)) > 0;) {
    all += Text(bytes, static_cast<size_t>(count));
  }
  if (!all.empty()) wire_.Send(all);
}

bool Http2Client::ReadFrame() {
  constexpr size_t kFrameHeader = 9;
  std::string frame = wire_.Read(kFrameHeader);
  if (frame.size() < kFrameHeader) return false;
  const auto byte = [&frame](size_t i) { return static_cast<size_t>(static_cast<uint8_t>(frame[i])); };
  frame += wire_.Read(byte(0) << 16 | byte(1) << 8 | byte(2));
  // Behind what the library refuses (an attack's answers: streams that it has not opened) only the GOAWAY
  // counts.
  if (byte(3) == NGHTTP2_GOAWAY)
    goaway_ = static_cast<uint32_t>(byte(13) << 24 | byte(14) << 16 | byte(15) << 8 | byte(16));
  if (refused_) return true;
  refused_ =
      nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(frame.data()), frame.size()) < 0;
  Flush();
  return true;
}

bool Http2Client::Await(const std::function<bool()>& condition) {
  while (!condition()) {
    if (!ReadFrame()) return condition();
  }
  return true;
}

int32_t Http2Client::Request(const Fields& fields, bool open) {
  const nghttp2_data_provider body{.source = {.ptr = nullptr}, .read_callback = Callbacks::OnDataSource};
  const auto pairs = Pairs(fields);
  const int32_t stream =
      nghttp2_submit_request(session_, nullptr, pairs.data(), pairs.size(), open ? &body : nullptr, nullptr);
  Flush();
  return stream;
}

int32_t Http2Client::Get(const std::string& path, const Fields& more) {
  Fields fields = {{":method", "GET"}, {":scheme", "http"}, {":authority", "hawser.test"}, {":path", path}};
  fields.insert(fields.end(), more.begin(), more.end());
  return Request(fields, false);
}

int32_t Http2Client::WebSocket(const std::string& path, const Fields& more) {
  EXPECT_TRUE(Await([this] { return settings_received_; }));
  Fields fields = {{":method", "CONNECT"}, {":protocol", "websocket"},
                   {":scheme", "http"},    {":authority", "hawser.test"},
                   {":path", path},        {"sec-websocket-version", "13"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return Request(fields, true);
}

void Http2Client::Send(int32_t stream, std::string_view bytes) {
  outgoing_[stream].bytes += bytes;
  nghttp2_session_resume_data(session_, stream);
  Flush();
}

void Http2Client::End(int32_t stream, const Fields& trailers) {
  outgoing_[stream].end = true;
  outgoing_[stream].trailers = trailers;
  nghttp2_session_resume_data(session_, stream);
  Flush();
}

void Http2Client::Reset(int32_t stream, uint32_t code) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, code);
  Flush();
}

const Http2Answer& Http2Client::AwaitEnd(int32_t stream) {
  Http2Answer& answer = answers_[stream];
  EXPECT_TRUE(Await([&] { return answer.ended || answer.reset; })) << "the stream goes on";
  return answer;
}

const Http2Answer& Http2Client::AwaitHead(int32_t stream) {
  Http2Answer& answer = answers_[stream];
  EXPECT_TRUE(Await([&] { return answer.status >= 200 || answer.reset; })) << "no answer";
  return answer;
}

std::string Http2Client::Read(int32_t stream, size_t count) {
  Http2Answer& answer = answers_[stream];
  EXPECT_TRUE(Await([&] { return answer.body.size() >= count; }))
      << "only " << answer.body.size() << " bytes";
  std::string taken = answer.body.substr(0, count);
  answer.body.erase(0, count);
  return taken;
}

bool Http2Client::extended_connect() const {
  return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

}  // namespace hawser::integration
