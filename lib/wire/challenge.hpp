#pragma once

// One half of CPython's handshake: a challenge, the answer to it, and the judgement, as bytes.
//
//   challenge   "#CHALLENGE#" + M,   M = "{sha256}" + 40 random bytes   (CPython 3.12 and later)
//                                    M = 20 random bytes                (CPython up to 3.11)
//   answer      "{sha256}" + HMAC-SHA256(key, M), the digest that M names in braces; or, to an M
//               without a name, HMAC-MD5(key, M), 16 bare bytes
//   judgement   "#WELCOME#" or "#FAILURE#"
//
// The code covers the whole of M, its name in braces included. A CPython up to 3.11 answers every
// challenge, also one that names SHA-256, with bare HMAC-MD5; so MD5 is the only common digest with
// it, and is used where `allow_md5` says so.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "wire/digest.hpp"

namespace multiprocessing::wire {

inline constexpr std::string_view kChallenge = "#CHALLENGE#";
inline constexpr std::string_view kWelcome = "#WELCOME#";
inline constexpr std::string_view kFailure = "#FAILURE#";

/// No message of a handshake is longer.
inline constexpr std::size_t kMaxHandshakeMessage = 256;

/// What one side brings to a handshake.
struct Credentials {
  std::string key;
  bool allow_md5 = false;
};

/// The digest that `text` names in braces at its beginning, and what follows.
struct Named {
  std::optional<Digest> digest;  ///< none: one of the old, nameless forms of 16 or 20 bytes
  View payload;
};

/// \throws AuthenticationError if it is neither nameless nor begins with a known name in braces.
[[nodiscard]] Named read_name(View text);

/// A new challenge, `kChallenge` included.
/// \throws AuthenticationError if there are no random bytes.
[[nodiscard]] Bytes make_challenge(Digest digest = Digest::sha256);

/// The answer to the message `challenge`.
/// \throws AuthenticationError if it is no challenge, or wants MD5 and that is not allowed.
[[nodiscard]] Bytes answer_to(View challenge, const Credentials& mine);

/// Returns if `answer` is right for `challenge` (as it was sent).
/// \throws AuthenticationError saying what is wrong with it.
void check_answer(View answer, View challenge, const Credentials& mine);

/// Returns if `judgement` is a welcome. \throws AuthenticationError
void check_judgement(View judgement);

}  // namespace multiprocessing::wire
