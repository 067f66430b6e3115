#pragma once

// Keyed digests (HMAC, RFC 2104) and random bytes, from OpenSSL's libcrypto.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace multiprocessing::wire {

using Bytes = std::vector<std::byte>;
using View = std::span<const std::byte>;

/// The digests that CPython's handshake knows.
enum class Digest : std::uint8_t { md5, sha256, sha384, sha3_256, sha3_384 };

/// "sha256", as it stands in braces on the wire.
[[nodiscard]] std::string_view digest_name(Digest digest) noexcept;
[[nodiscard]] std::optional<Digest> digest_named(std::string_view name) noexcept;

/// The length of a code: 16 bytes for MD5, 32 or 48 for the others.
[[nodiscard]] std::size_t digest_size(Digest digest) noexcept;

/// The code of `message` under a key of any length, also an empty one.
/// \throws AuthenticationError if libcrypto refuses the digest (MD5 where FIPS rules).
[[nodiscard]] Bytes keyed_digest(Digest digest, View key, View message);

/// Takes as long for bytes that differ as for equal ones of that length.
[[nodiscard]] bool equal_in_constant_time(View a, View b) noexcept;

/// Bytes that nobody can guess.
/// \throws AuthenticationError if the system has none.
void fill_with_random(std::span<std::byte> bytes);

/// The bytes of a text.
[[nodiscard]] inline View bytes_of(std::string_view text) noexcept {
  return std::as_bytes(std::span(text));
}

}  // namespace multiprocessing::wire
