#include "wire/challenge.hpp"

#include <algorithm>
#include <cstring>

#include <multiprocessing/errors.hpp>

namespace multiprocessing::wire {
namespace {

constexpr std::size_t kOldChallenge = 20;
constexpr std::size_t kOldAnswer = 16;
constexpr std::size_t kRandom = 40;
constexpr std::size_t kLongestName = 8;

std::string_view text_of(View bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void append(Bytes& to, std::string_view text) {
  const View bytes = bytes_of(text);
  to.insert(to.end(), bytes.begin(), bytes.end());
}

void append_name(Bytes& to, Digest digest) {
  append(to, "{");
  append(to, digest_name(digest));
  append(to, "}");
}

void require_allowed(Digest digest, const Credentials& mine, const char* who) {
  if (digest != Digest::md5 || mine.allow_md5) return;
  throw AuthenticationError(std::string(who) +
                            " HMAC-MD5, as CPython up to 3.11 does; .allow_md5 = true permits it");
}

}  // namespace

Named read_name(View text) {
  if (text.size() == kOldAnswer || text.size() == kOldChallenge) return {std::nullopt, text};
  const std::string_view all = text_of(text);
  const std::size_t end = all.substr(0, kLongestName + 2).find('}', 1);
  if (all.starts_with('{') && end != std::string_view::npos) {
    if (const auto digest = digest_named(all.substr(1, end - 1))) {
      return {digest, text.subspan(end + 1)};
    }
  }
  throw AuthenticationError("the peer names no digest that is known here (" +
                            std::to_string(text.size()) + " bytes)");
}

Bytes make_challenge(Digest digest) {
  Bytes challenge;
  append(challenge, kChallenge);
  append_name(challenge, digest);
  challenge.resize(challenge.size() + kRandom);
  fill_with_random(std::span(challenge).last(kRandom));
  return challenge;
}

Bytes answer_to(View challenge, const Credentials& mine) {
  if (!text_of(challenge).starts_with(kChallenge)) {
    throw AuthenticationError("a challenge was expected, and something else came");
  }
  const View message = challenge.subspan(kChallenge.size());
  if (message.size() < kOldChallenge) {
    throw AuthenticationError("challenge too short: " + std::to_string(message.size()) + " bytes");
  }
  const auto named = read_name(message).digest;
  const Digest digest = named.value_or(Digest::md5);
  require_allowed(digest, mine, "the peer asks for");

  Bytes answer;
  if (named) append_name(answer, digest);
  const Bytes code = keyed_digest(digest, bytes_of(mine.key), message);
  answer.insert(answer.end(), code.begin(), code.end());
  return answer;
}

void check_answer(View answer, View challenge, const Credentials& mine) {
  const Named named = read_name(answer);
  const Digest digest = named.digest.value_or(Digest::md5);
  require_allowed(digest, mine, "the peer answered with");
  const Bytes wanted =
      keyed_digest(digest, bytes_of(mine.key), challenge.subspan(kChallenge.size()));
  if (!equal_in_constant_time(wanted, named.payload)) {
    throw AuthenticationError(
        "digest received was wrong: the peer has another authkey than this process; give both the "
        "same");
  }
}

void check_judgement(View judgement) {
  if (text_of(judgement) == kWelcome) return;
  throw AuthenticationError(
      "digest sent was rejected: the peer has another authkey than this process; give both the "
      "same");
}

}  // namespace multiprocessing::wire
