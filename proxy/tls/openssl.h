// Ownership of OpenSSL's objects, and its error queue as one line of text. The queue is per thread: every
// operation of this folder starts with an empty one and leaves an empty one behind.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "absl/status/status.h"

namespace hawser::tls {

template <auto Free>
struct FreeWith {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using SessionPtr = std::unique_ptr<SSL_SESSION, FreeWith<SSL_SESSION_free>>;
using SslPtr = std::unique_ptr<SSL, FreeWith<SSL_free>>;
using X509Ptr = std::unique_ptr<X509, FreeWith<X509_free>>;

// Looking first is cheaper: the queue is nearly always empty.
inline void ClearErrors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

// What an error code means, without file, line and numbers: "wrong version number".
std::string ReasonOf(unsigned long code);

// The reason of the earliest error in the queue, which is the cause of the later ones. Empties the queue.
std::string TakeError();

inline absl::Status Bad(const std::string& text) {
  return absl::InvalidArgumentError(text);
}

}  // namespace hawser::tls
