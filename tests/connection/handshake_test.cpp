// The handshake in accept() and Client(): right keys and wrong ones, and clients that are silent,
// gone, or speak something else.

#include <multiprocessing/connection.hpp>
#include <multiprocessing/errors.hpp>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <future>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "connection/raw_peer.hpp"
#include "sys/calls.hpp"
#include "wire/challenge.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::abstract_name;
using test::RawPeer;

// Runs `steps` beside the test, for the other side of a handshake; its error comes with get().
template <class Steps>
auto beside(Steps steps) {
  return std::async(std::launch::async, std::move(steps));
}

Listener listening(ListenerOptions options = {.backlog = 200, .authkey = "secret"}) {
  return Listener(abstract_name("handshake_test"), std::move(options));
}

auto client_beside(const Listener& listener, std::string key = "secret") {
  return beside([address = listener.address(), key] { return Client(address, {.authkey = key}); });
}

std::string reason(const auto& steps) {
  try {
    steps();
  } catch (const AuthenticationError& error) {
    return error.what();
  }
  return "no AuthenticationError";
}

void expect_served(const Listener& listener) {
  auto client = client_beside(listener);
  const Connection served = listener.accept();
  const Connection caller = client.get();
  caller.send(1);
  EXPECT_EQ(served.recv<int>(), 1);
}

TEST(HandshakeConnectionTest, EqualKeysConnect) {
  expect_served(listening());
}

TEST(HandshakeConnectionTest, EmptyKeyIsAKey) {
  const Listener listener = listening({.authkey = ""});
  auto client = client_beside(listener, "");
  static_cast<void>(listener.accept());
  EXPECT_NO_THROW(client.get());

  auto stranger = client_beside(listener, "guess");
  EXPECT_THROW(static_cast<void>(listener.accept()), AuthenticationError);
  EXPECT_THROW(stranger.get(), AuthenticationError);
}

TEST(HandshakeConnectionTest, UnequalKeysAreAnErrorOnBothSidesAndTheListenerGoesOn) {
  const Listener listener = listening();
  auto stranger = client_beside(listener, "guess");

  EXPECT_TRUE(reason([&] {
                static_cast<void>(listener.accept());
              }).starts_with("digest received was wrong: "));
  EXPECT_TRUE(reason([&] { stranger.get(); }).starts_with("digest sent was rejected: "));
  expect_served(listener);
}

TEST(HandshakeConnectionTest, SilentClientHoldsNobodyUp) {
  const Listener listener = listening();
  const RawPeer silent(listener.address());

  expect_served(listener);
  expect_served(listener);

  EXPECT_TRUE(silent.read_frame().starts_with("#CHALLENGE#"));
}

TEST(HandshakeConnectionTest, SilentClientIsLetGoOfAfterAWhile) {
  const Listener listener = listening({.authkey = "secret", .handshake_timeout = 2ms});
  const RawPeer silent(listener.address());

  EXPECT_THROW(static_cast<void>(listener.accept(20ms)), TimeoutError);

  EXPECT_TRUE(silent.read_frame().starts_with("#CHALLENGE#"));
  EXPECT_TRUE(silent.ended());
}

TEST(HandshakeConnectionTest, PatienceRunsDuringAcceptOnly) {
  const Listener listener = listening({.authkey = "secret", .handshake_timeout = 5ms});
  const RawPeer peer(listener.address());
  EXPECT_THROW(static_cast<void>(listener.accept(Timeout::zero())), TimeoutError);
  std::this_thread::sleep_for(6ms);  // longer than the patience, but nobody is in accept

  EXPECT_THROW(static_cast<void>(listener.accept(Timeout::zero())), TimeoutError);
  peer.send_frame("wrong");

  EXPECT_THROW(static_cast<void>(listener.accept()), AuthenticationError) << "it was still there";
}

TEST(HandshakeConnectionTest, ManySilentClientsHoldNobodyUp) {
  const Listener listener = listening();
  std::vector<RawPeer> silent;
  for (int i = 0; i < 150; ++i) silent.emplace_back(listener.address());

  expect_served(listener);
}

TEST(HandshakeConnectionTest, HandshakeThatOneCallBeganIsEndedByTheNext) {
  const Listener listener = listening();
  const RawPeer peer(listener.address());
  EXPECT_THROW(static_cast<void>(listener.accept(Timeout::zero())), TimeoutError);
  const std::string challenge = peer.read_frame();
  const wire::Credentials mine{.key = "secret"};
  const auto answer = wire::answer_to(wire::bytes_of(challenge), mine);
  peer.send_frame({reinterpret_cast<const char*>(answer.data()), answer.size()});
  EXPECT_THROW(static_cast<void>(listener.accept(Timeout::zero())), TimeoutError);
  EXPECT_EQ(peer.read_frame(), "#WELCOME#");
  const auto counter = wire::make_challenge();
  peer.send_frame({reinterpret_cast<const char*>(counter.data()), counter.size()});
  peer.send_frame("#WELCOME#");
  peer.send_frame("first message");

  const Connection served = listener.accept();

  EXPECT_EQ(served.recv_bytes().size(), 13U) << "what follows the handshake is not swallowed";
}

TEST(HandshakeConnectionTest, GarbageIsAnErrorAndTheListenerGoesOn) {
  const Listener listener = listening();
  for (const std::string& garbage :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string("\xff\xff\xff\xff\0\0\1\0\0\0\0\0", 12),
        std::string("\x80\0\0\0", 4), std::string("\0\0\1\1", 4), std::string("\0\0\0\3abc", 7),
        std::string("\0\0\0\0", 4), std::string("\0\0\0\x8{sha256}", 12)}) {
    const RawPeer stranger(listener.address());
    stranger.send(garbage);

    EXPECT_THROW(static_cast<void>(listener.accept()), AuthenticationError);
  }
  expect_served(listener);
}

TEST(HandshakeConnectionTest, ClientThatHangsUpIsTheEndOfThatClientOnly) {
  const Listener listener = listening();
  {
    const RawPeer gone(listener.address());
  }
  EXPECT_THROW(static_cast<void>(listener.accept()), EOFError);
  {
    const RawPeer halfway(listener.address());
    halfway.send(std::string("\0\0\0\x28{sha", 8));
  }
  EXPECT_THROW(static_cast<void>(listener.accept()), EOFError);
  expect_served(listener);
}

TEST(HandshakeConnectionTest, ResetInTheHandshakeNamesTheCall) {
  const Listener listener = listening();
  const RawPeer peer(listener.address());
  const sys::ScopedCall reset(&sys::Calls::recv, [](int, void*, std::size_t, int) -> ssize_t {
    errno = ECONNRESET;
    return -1;
  });

  EXPECT_THROW(static_cast<void>(listener.accept()), std::system_error);
}

TEST(HandshakeConnectionTest, HandshakeByteByByteIsOne) {
  const Listener listener = listening();
  const sys::ScopedCall slow(&sys::Calls::recv, [](int fd, void* into, std::size_t, int flags) {
    return ::recv(fd, into, 1, flags);
  });

  expect_served(listener);
}

TEST(HandshakeConnectionTest, ClientOfSomethingElseFindsOut) {
  const Address address = abstract_name("handshake_test");
  const Listener listener(address);  // no key: it shakes no hands
  auto server = beside([&] {
    const Connection served = listener.accept();
    served.send_bytes(std::string("hello, this is something else"));
    return served;
  });

  EXPECT_THROW(static_cast<void>(Client(address, {.authkey = "secret"})), AuthenticationError);
}

TEST(HandshakeConnectionTest, ClientOfAListenerThatHangsUpFindsOut) {
  const Address address = abstract_name("handshake_test");
  const Listener listener(address);
  auto server = beside([&] { listener.accept().close(); });

  EXPECT_THROW(static_cast<void>(Client(address, {.authkey = "secret"})), EOFError);
}

TEST(ChallengeConnectionTest, BogusAnswerIsAnError) {
  const auto [here, peer] = test::connection_and_peer();
  peer.send_frame("something bogus");

  EXPECT_THROW(deliver_challenge(here, "secret"), AuthenticationError);
  EXPECT_TRUE(peer.read_frame().starts_with("#CHALLENGE#{sha256}"));
  EXPECT_EQ(peer.read_frame(), "#FAILURE#");
}

TEST(ChallengeConnectionTest, BogusWelcomeIsAnError) {
  const auto [here, peer] = test::connection_and_peer();
  const auto challenge = wire::make_challenge();
  peer.send_frame({reinterpret_cast<const char*>(challenge.data()), challenge.size()});
  peer.send_frame("something bogus");

  EXPECT_THROW(answer_challenge(here, "secret"), AuthenticationError);
}

TEST(ChallengeConnectionTest, BogusChallengeIsAnError) {
  const auto [here, peer] = test::connection_and_peer();
  peer.send_frame("something bogus");

  EXPECT_THROW(answer_challenge(here, "secret"), AuthenticationError);
}

TEST(ChallengeConnectionTest, EveryDigestIsAnsweredInKind) {
  for (const std::string digest : {"md5", "sha256", "sha384", "sha3_256", "sha3_384"}) {
    const auto [here, there] = test::connected_pair();
    auto answering = beside([end = there] { answer_challenge(end, "secret", true); });

    EXPECT_NO_THROW(deliver_challenge(here, "secret", digest, true)) << digest;
    EXPECT_NO_THROW(answering.get()) << digest;
  }
}

TEST(ChallengeConnectionTest, UnknownDigestIsMisuse) {
  const auto [here, peer] = test::connection_and_peer();

  EXPECT_THROW(deliver_challenge(here, "secret", "sha1"), ValueError);
  EXPECT_THROW(deliver_challenge(here, "secret", "md5"), ValueError);
}

}  // namespace
}  // namespace multiprocessing
