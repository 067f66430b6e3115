// Both sides of the handshake against each other, and each against a scripted peer.

#include "wire/handshake.hpp"

#include <multiprocessing/errors.hpp>

#include <gtest/gtest.h>

#include <string>

namespace multiprocessing::wire {
namespace {

using Role = Handshake::Role;

Bytes bytes(std::string_view text) {
  const View view = bytes_of(text);
  return {view.begin(), view.end()};
}

std::string text(View view) {
  return {reinterpret_cast<const char*>(view.data()), view.size()};
}

std::string only(Handshake& side) {
  const auto messages = side.take_outgoing();
  EXPECT_EQ(messages.size(), 1U);
  return messages.empty() ? "" : text(messages.front());
}

// Carries messages to and fro until neither has anything to say.
void converse(Handshake& one, Handshake& other) {
  for (bool moved = true; moved;) {
    moved = false;
    for (const auto& [from, to] : {std::pair{&one, &other}, std::pair{&other, &one}}) {
      for (const Bytes& message : from->take_outgoing()) {
        EXPECT_LE(message.size(), kMaxHandshakeMessage);
        to->receive(message);
        moved = true;
      }
    }
  }
}

// A CPython up to 3.11 as listener: 20 random bytes, bare HMAC-MD5.
class OldListener {
 public:
  explicit OldListener(std::string key) : key_(std::move(key)) {}
  [[nodiscard]] std::string challenge() const { return "#CHALLENGE#01234567890123456789"; }
  [[nodiscard]] std::string judge(const std::string& answer) const {
    return answer == code("01234567890123456789") ? "#WELCOME#" : "#FAILURE#";
  }
  [[nodiscard]] std::string answer(const std::string& challenge) const {
    return code(challenge.substr(11));
  }

 private:
  [[nodiscard]] std::string code(const std::string& message) const {
    return text(keyed_digest(Digest::md5, bytes_of(key_), bytes_of(message)));
  }
  std::string key_;
};

TEST(HandshakeTest, EqualKeysSucceedOnBothSides) {
  for (const std::string key : {"secret", "", "a key with \0 inside", "long long long long"}) {
    Handshake listener(Role::listener, {.key = key});
    Handshake client(Role::client, {.key = key});

    converse(listener, client);

    EXPECT_TRUE(listener.done()) << key;
    EXPECT_TRUE(client.done()) << key;
  }
}

TEST(HandshakeTest, EveryDigestSucceeds) {
  for (const Digest digest :
       {Digest::md5, Digest::sha256, Digest::sha384, Digest::sha3_256, Digest::sha3_384}) {
    Handshake listener(Role::listener, {.key = "k", .allow_md5 = true}, digest);
    Handshake client(Role::client, {.key = "k", .allow_md5 = true});

    converse(listener, client);

    EXPECT_TRUE(listener.done() && client.done()) << digest_name(digest);
  }
}

TEST(HandshakeTest, UnequalKeysFailOnBothSides) {
  Handshake listener(Role::listener, {.key = "secret"});
  Handshake client(Role::client, {.key = "guess"});

  converse(listener, client);

  EXPECT_TRUE(listener.reason().starts_with("digest received was wrong: "));
  EXPECT_TRUE(client.reason().starts_with("digest sent was rejected: "));
  EXPECT_THROW(listener.require_success(), AuthenticationError);
  EXPECT_THROW(client.require_success(), AuthenticationError);
}

TEST(HandshakeTest, ListenerSpeaksFirst) {
  Handshake listener(Role::listener, {.key = "k"});
  Handshake client(Role::client, {.key = "k"});

  EXPECT_TRUE(client.take_outgoing().empty());
  EXPECT_TRUE(only(listener).starts_with("#CHALLENGE#{sha256}"));
}

TEST(HandshakeTest, ClientOfAnOldListenerAnswersWithMd5WhereAllowed) {
  const OldListener old("secret");
  Handshake client(Role::client, {.key = "secret", .allow_md5 = true});

  client.receive(bytes(old.challenge()));
  client.receive(bytes(old.judge(only(client))));
  client.receive(bytes(old.answer(only(client))));

  EXPECT_EQ(only(client), "#WELCOME#");
  EXPECT_TRUE(client.done());
}

TEST(HandshakeTest, ClientOfAnOldListenerRefusesMd5Otherwise) {
  Handshake client(Role::client, {.key = "secret"});

  client.receive(bytes(OldListener("secret").challenge()));

  EXPECT_TRUE(client.take_outgoing().empty()) << "nothing is signed with MD5";
  EXPECT_NE(client.reason().find(".allow_md5 = true"), std::string::npos) << client.reason();
}

// The client is told before the listener gives up on it.
TEST(HandshakeTest, ListenerTellsAClientThatFailed) {
  Handshake listener(Role::listener, {.key = "secret"});
  static_cast<void>(listener.take_outgoing());

  listener.receive(bytes("bogus"));

  EXPECT_EQ(only(listener), "#FAILURE#");
  EXPECT_TRUE(listener.failed());
}

// A client without the key could send the listener's own challenge back to it, if that answered.
TEST(HandshakeTest, ListenerAnswersNoChallengeBeforeTheClientHasShownTheKey) {
  Handshake listener(Role::listener, {.key = "secret"});
  const std::string challenge = only(listener);

  listener.receive(bytes(challenge));

  EXPECT_EQ(only(listener), "#FAILURE#");
}

TEST(HandshakeTest, ClientThatIsWelcomedByAStrangerFindsOut) {
  Handshake client(Role::client, {.key = "secret"});
  client.receive(make_challenge());
  static_cast<void>(client.take_outgoing());
  client.receive(bytes("#WELCOME#"));
  static_cast<void>(client.take_outgoing());

  client.receive(bytes("{sha256}0123456789abcdef0123456789abcdef"));

  EXPECT_EQ(only(client), "#FAILURE#");
  EXPECT_TRUE(client.reason().starts_with("digest received was wrong: "));
}

TEST(HandshakeTest, MessageAfterTheEndFails) {
  Handshake listener(Role::listener, {.key = "k"});
  Handshake client(Role::client, {.key = "k"});
  converse(listener, client);

  listener.receive(bytes("more"));

  EXPECT_TRUE(listener.failed());
}

}  // namespace
}  // namespace multiprocessing::wire
