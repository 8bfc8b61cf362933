// The functions that nghttp2 calls. Each notes something in the session or in a stream, and calls nobody.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>

#include "proxy/http2/abuse.h"
#include "proxy/http2/session.h"
#include "proxy/http2/stream.h"

namespace hawser::http2 {

struct Callbacks {
  // A session of nghttp2's with these callbacks; null if memory ran out.
  static nghttp2_session* NewSession(Role role, const Settings& settings, Session& session);

  // The first frame of the connection, and its window.
  static void SendSettings(nghttp2_session* library, Role role, const Settings& settings);

  // Before nghttp2 gets to see the frame. False: it must not.
  static bool OnFrameHeader(Session& session, const nghttp2_frame_hd& header);

  static ssize_t OnDataSource(nghttp2_session* library, int32_t id, uint8_t* into, size_t most,
                              uint32_t* flags, nghttp2_data_source* source, void* session);

 private:
  static int OnBeginHeaders(nghttp2_session* library, const nghttp2_frame* frame, void* session);
  static int OnHeader(nghttp2_session* library, const nghttp2_frame* frame, const uint8_t* name,
                      size_t name_size, const uint8_t* value, size_t value_size, uint8_t flags,
                      void* session);
  static int OnInvalidHeader(nghttp2_session* library, const nghttp2_frame* frame, const uint8_t* name,
                             size_t name_size, const uint8_t* value, size_t value_size, uint8_t flags,
                             void* session);
  static int OnData(nghttp2_session* library, uint8_t flags, int32_t id, const uint8_t* bytes, size_t count,
                    void* session);
  static int OnFrame(nghttp2_session* library, const nghttp2_frame* frame, void* session);
  static int OnSent(nghttp2_session* library, const nghttp2_frame* frame, void* session);
  static int OnNotSent(nghttp2_session* library, const nghttp2_frame* frame, int error, void* session);
  static int OnSendData(nghttp2_session* library, nghttp2_frame* frame, const uint8_t* header, size_t count,
                        nghttp2_data_source* source, void* session);
  static int OnStreamClose(nghttp2_session* library, int32_t id, uint32_t code, void* session);

  static bool Spend(Session& session, Abuse abuse);
  static bool OfOpenStream(Session& session, int32_t id);
  static bool IsDropped(const Session& session, int32_t id);
  static void OnHead(Session& session, Stream& stream);
  static void Refuse(Session& session, const Stream& stream);
  static void OnEnd(Session& session, Stream& stream);
  static void OnSettings(Session& session);
  static void OnPong(Session& session, const nghttp2_ping& ping);
  static void OnWindowUpdate(Session& session, int32_t id);
};

}  // namespace hawser::http2
