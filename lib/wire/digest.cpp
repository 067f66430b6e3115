#include "wire/digest.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <string>

#include <multiprocessing/errors.hpp>

namespace multiprocessing::wire {
namespace {

struct Known {
  std::string_view name;
  std::size_t size;
  const EVP_MD* (*algorithm)();
};

// In the order of Digest.
constexpr std::array<Known, 5> kKnown{{{"md5", 16, EVP_md5},
                                       {"sha256", 32, EVP_sha256},
                                       {"sha384", 48, EVP_sha384},
                                       {"sha3_256", 32, EVP_sha3_256},
                                       {"sha3_384", 48, EVP_sha3_384}}};

const Known& known(Digest digest) noexcept {
  return kKnown[static_cast<std::size_t>(digest)];
}

}  // namespace

std::string_view digest_name(Digest digest) noexcept {
  return known(digest).name;
}

std::optional<Digest> digest_named(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kKnown.size(); ++i) {
    if (kKnown[i].name == name) return static_cast<Digest>(i);
  }
  return std::nullopt;
}

std::size_t digest_size(Digest digest) noexcept {
  return known(digest).size;
}

Bytes keyed_digest(Digest digest, View key, View message) {
  // HMAC() takes a null key for "the one of last time", so an empty one still needs an address.
  static constexpr std::byte kNoKey{};
  const std::byte* const key_bytes = key.empty() ? &kNoKey : key.data();
  Bytes code(digest_size(digest));
  unsigned size = 0;
  const auto* const done =
      ::HMAC(known(digest).algorithm(), key_bytes, static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(message.data()), message.size(),
             reinterpret_cast<unsigned char*>(code.data()), &size);
  if (done == nullptr || size != code.size()) {
    throw AuthenticationError("the digest " + std::string(digest_name(digest)) +
                              " is not available on this system");
  }
  return code;
}

bool equal_in_constant_time(View a, View b) noexcept {
  return a.size() == b.size() && ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void fill_with_random(std::span<std::byte> bytes) {
  const int done =
      ::RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  if (done != 1) throw AuthenticationError("the system gives no random bytes");
}

}  // namespace multiprocessing::wire
