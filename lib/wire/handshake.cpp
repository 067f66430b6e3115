#include "wire/handshake.hpp"

#include <utility>

#include <multiprocessing/errors.hpp>

namespace multiprocessing::wire {
namespace {

Bytes message_of(std::string_view text) {
  const View bytes = bytes_of(text);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

Handshake::Handshake(Role role, Credentials mine, Digest digest)
    : role_(role), mine_(std::move(mine)), digest_(digest) {
  if (role_ == Role::listener) challenge();
}

std::vector<Bytes> Handshake::take_outgoing() noexcept {
  return std::exchange(outgoing_, {});
}

void Handshake::require_success() const {
  if (failed()) throw AuthenticationError(reason_);
}

void Handshake::receive(View message) {
  try {
    step(message);
  } catch (const AuthenticationError& error) {
    state_ = State::failed;
    reason_ = error.what();
  }
}

void Handshake::challenge() {
  challenge_ = make_challenge(digest_);
  send(challenge_);
  state_ = State::awaiting_answer;
}

void Handshake::step(View message) {
  switch (state_) {
    case State::awaiting_challenge:
      send(answer_to(message, mine_));
      state_ = State::awaiting_judgement;
      break;
    case State::awaiting_answer:
      judge(message);
      state_ = role_ == Role::listener ? State::awaiting_challenge : State::done;
      break;
    case State::awaiting_judgement:
      check_judgement(message);
      if (role_ == Role::listener) {
        state_ = State::done;
      } else {
        challenge();
      }
      break;
    default:
      throw AuthenticationError("a message came after the end of the handshake");
  }
}

void Handshake::judge(View answer) {
  try {
    check_answer(answer, challenge_, mine_);
  } catch (const AuthenticationError&) {
    send(message_of(kFailure));
    throw;
  }
  send(message_of(kWelcome));
}

}  // namespace multiprocessing::wire
