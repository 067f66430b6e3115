#pragma once

// CPython's mutual handshake as a state machine over messages: it reads and sends nothing itself.
//
// States (listener on the left)
//
//   start() --challenge--> awaiting_answer              start() --nothing--> awaiting_challenge
//   awaiting_answer  --judgement--> awaiting_challenge  awaiting_challenge  --answer-->
//   awaiting_judgement awaiting_challenge --answer--> awaiting_judgement   awaiting_judgement
//   --challenge--> awaiting_answer awaiting_judgement ----------> done awaiting_answer
//   --judgement--> done
//
// Each side challenges once and answers once, so two flags say where it stands: the listener
// challenges first. Whatever is wrong moves to `failed`, with the reason; a wrong answer is told to
// the peer by "#FAILURE#" first.
//
// Death: the peer's is an end of the stream, which is whoever reads the stream to find.

#include <cstdint>
#include <string>
#include <vector>

#include "wire/challenge.hpp"

namespace multiprocessing::wire {

class Handshake {
 public:
  enum class Role : std::uint8_t { listener, client };

  Handshake(Role role, Credentials mine, Digest digest = Digest::sha256);

  /// Takes the peer's next message. Every message is at most `kMaxHandshakeMessage` bytes long.
  void receive(View message);

  /// What is to be sent now, in order, each as a message of its own; empties the list.
  [[nodiscard]] std::vector<Bytes> take_outgoing() noexcept;

  [[nodiscard]] bool done() const noexcept { return state_ == State::done; }
  [[nodiscard]] bool failed() const noexcept { return state_ == State::failed; }
  /// True: the next step is a message from the peer.
  [[nodiscard]] bool waiting() const noexcept { return !done() && !failed(); }
  /// Why it failed.
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }
  /// \throws AuthenticationError with the reason if it failed.
  void require_success() const;

 private:
  enum class State : std::uint8_t {
    awaiting_challenge,
    awaiting_answer,
    awaiting_judgement,
    done,
    failed
  };

  void challenge();
  void step(View message);
  void judge(View answer);
  void send(Bytes message) { outgoing_.push_back(std::move(message)); }

  Role role_;
  Credentials mine_;
  Digest digest_;
  State state_ = State::awaiting_challenge;
  Bytes challenge_;
  std::vector<Bytes> outgoing_;
  std::string reason_;
};

}  // namespace multiprocessing::wire
