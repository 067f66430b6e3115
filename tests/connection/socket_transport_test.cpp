// Connections through sockets: messages in whole, in pieces, and as nobody should send them.

#include <multiprocessing/connection.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/queues.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <string>
#include <system_error>
#include <thread>
#include <variant>
#include <vector>

#include "connection/raw_peer.hpp"
#include "sys/calls.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::connected_pair;
using test::connection_and_peer;

struct Job {
  int number;
  std::string text;
};

std::string text(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (const int value : values) out += static_cast<char>(value);
  return out;
}

std::error_code code_of(const auto& steps) {
  try {
    steps();
  } catch (const std::system_error& error) {
    return error.code();
  }
  return {};
}

std::error_code system_code(int error) {
  return {error, std::system_category()};
}

TEST(SocketTransportTest, ValuesOfAnyTypeGoBothWays) {
  const auto [here, there] = connected_pair();

  here.send(Job{7, "seven"});
  there.send(std::vector<double>(10'000, 0.5));

  const Job job = there.recv<Job>();
  EXPECT_EQ(job.number, 7);
  EXPECT_EQ(job.text, "seven");
  EXPECT_EQ(here.recv<std::vector<double>>(), std::vector<double>(10'000, 0.5));
}

TEST(SocketTransportTest, MessageOfAnotherTypeNamesBothAndLeavesTheConnectionUsable) {
  const auto [here, there] = connected_pair();
  here.send(std::string("text"));
  here.send(5);

  try {
    static_cast<void>(there.recv<int>());
    FAIL();
  } catch (const TransferError& error) {
    EXPECT_NE(std::string(error.what()).find("std::string"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("int"), std::string::npos) << error.what();
  }
  EXPECT_EQ((there.recv<std::variant<std::string, int>>()), (std::variant<std::string, int>(5)));
}

TEST(SocketTransportTest, PickleIsNoValueOfOurs) {
  const auto [here, peer] = connection_and_peer();
  peer.send_frame(bytes({0x80, 4, 0x95, 9, 0, 0, 0, 0, 0, 0, 0, 0x8c, 5}) + "hello" +
                  bytes({0x94, 0x2e}));
  peer.send_frame(bytes({0x80, 4, 0x4e, 0x2e}));

  EXPECT_THROW(static_cast<void>(here.recv<std::string>()), TransferError);
  EXPECT_THROW(static_cast<void>(here.recv<int>()), TransferError);
}

TEST(SocketTransportTest, HandleIsNotSent) {
  const auto [here, there] = connected_pair();

  EXPECT_THROW(here.send(Queue<int>()), TransferError);
  here.send(1);

  EXPECT_EQ(there.recv<int>(), 1);
}

int twice(int n) {
  return 2 * n;
}

// A function travels as a place in the program, which a stranger must not name.
TEST(SocketTransportTest, CodeIsNotTakenFromASocket) {
  const auto [here, there] = connected_pair();
  here.send(&twice);
  here.send(3);

  EXPECT_THROW(static_cast<void>(there.recv<int (*)(int)>()), TransferError);
  EXPECT_EQ(there.recv<int>(), 3);
}

TEST(SocketTransportTest, MessageInPiecesIsWaitedForAndGoneOnWith) {
  const auto [here, peer] = connection_and_peer();
  peer.send(bytes({0, 0}));
  EXPECT_THROW(static_cast<void>(here.recv_bytes(Connection::npos, 1ms)), TimeoutError);
  peer.send(bytes({0, 5}) + "he");
  EXPECT_THROW(static_cast<void>(here.recv_bytes(Connection::npos, 1ms)), TimeoutError);
  peer.send("llo" + bytes({0, 0, 0, 1}) + "x");

  EXPECT_EQ(text(here.recv_bytes()), "hello");
  EXPECT_EQ(text(here.recv_bytes()), "x");
}

TEST(SocketTransportTest, EndBetweenMessagesIsEofAndWithinOneAnError) {
  auto [here, peer] = connection_and_peer();
  peer.send_frame("whole");
  peer.send(bytes({0, 0, 0, 9}) + "half");
  peer.close();

  EXPECT_EQ(text(here.recv_bytes()), "whole");
  EXPECT_EQ(code_of([&] { static_cast<void>(here.recv_bytes()); }), system_code(ECONNRESET));

  auto [again, quiet] = connection_and_peer();
  quiet.close();
  EXPECT_TRUE(again.poll());
  EXPECT_THROW(static_cast<void>(again.recv_bytes()), EOFError);
}

TEST(SocketTransportTest, TerabyteThatIsOnlyAnnouncedIsAnErrorAtTheEnd) {
  auto [here, peer] = connection_and_peer();
  peer.send(bytes({0xff, 0xff, 0xff, 0xff, 0, 0, 1, 0, 0, 0, 0, 0}) + "a few bytes");
  peer.close();

  EXPECT_EQ(code_of([&] { static_cast<void>(here.recv_bytes()); }), system_code(ECONNRESET));
}

TEST(SocketTransportTest, NonsenseInTheHeaderIsAProtocolError) {
  const auto [here, peer] = connection_and_peer();
  peer.send(bytes({0x80, 0, 0, 1}));

  EXPECT_EQ(code_of([&] { static_cast<void>(here.recv_bytes()); }), system_code(EPROTO));
}

TEST(SocketTransportTest, TooLongAMessageEndsTheReading) {
  const auto [here, peer] = connection_and_peer();
  peer.send_frame("hello");

  EXPECT_EQ(code_of([&] { static_cast<void>(here.recv_bytes(4)); }), system_code(EMSGSIZE));
  EXPECT_FALSE(here.readable());
  EXPECT_TRUE(here.writable());
}

TEST(SocketTransportTest, MessageThatDoesNotFitIsInTheError) {
  const auto [here, peer] = connection_and_peer();
  peer.send_frame("hello");
  peer.send_frame("next");
  std::vector<std::byte> buffer(4);

  try {
    static_cast<void>(here.recv_bytes_into(buffer));
    FAIL();
  } catch (const BufferTooShort& error) {
    EXPECT_EQ(text(error.message()), "hello");
  }
  EXPECT_EQ(here.recv_bytes_into(buffer), 4U);
  EXPECT_EQ(text(buffer), "next");
}

TEST(SocketTransportTest, SmallMessageGoesOutInOneWrite) {
  static int writes = 0;
  static ssize_t (*real)(int, const msghdr*, int) = nullptr;
  const auto [here, peer] = connection_and_peer();
  const sys::ScopedCall counted(&sys::Calls::sendmsg, [](int fd, const msghdr* message, int flags) {
    ++writes;
    return real(fd, message, flags);
  });
  real = counted.original();

  here.send_bytes(std::string("hello"));

  EXPECT_EQ(peer.read(9), bytes({0, 0, 0, 5}) + "hello");
  EXPECT_EQ(writes, 1);
}

// One byte at a time, every second call interrupted.
ssize_t grudging_recv(int fd, void* into, std::size_t, int flags) {
  static int calls = 0;
  if (++calls % 2 == 1) {
    errno = EINTR;
    return -1;
  }
  return ::recv(fd, into, 1, flags);
}

ssize_t grudging_sendmsg(int fd, const msghdr* message, int flags) {
  static int calls = 0;
  if (++calls % 2 == 1) {
    errno = EINTR;
    return -1;
  }
  const iovec* piece = message->msg_iov;
  if (piece->iov_len == 0) ++piece;
  return ::send(fd, piece->iov_base, 1, flags);
}

TEST(SocketTransportTest, ShortAndInterruptedCallsAreContinued) {
  const auto [here, there] = connected_pair();
  const sys::ScopedCall slow_recv(&sys::Calls::recv, grudging_recv);
  const sys::ScopedCall slow_send(&sys::Calls::sendmsg, grudging_sendmsg);

  here.send_bytes(std::string("hello"));
  here.send_bytes(std::string());
  here.send(Job{1, "one"});

  EXPECT_EQ(text(there.recv_bytes()), "hello");
  EXPECT_TRUE(there.recv_bytes().empty());
  EXPECT_EQ(there.recv<Job>().text, "one");
}

TEST(SocketTransportTest, SendToAPeerThatIsGoneIsEpipeWithoutASignal) {
  auto [here, peer] = connection_and_peer();
  peer.close();

  EXPECT_EQ(code_of([&] { here.send_bytes(std::string("x")); }), system_code(EPIPE));
}

TEST(SocketTransportTest, ResetByThePeerNamesTheCall) {
  const auto [here, there] = connected_pair();
  const sys::ScopedCall reset(&sys::Calls::recv, [](int, void*, std::size_t, int) -> ssize_t {
    errno = ECONNRESET;
    return -1;
  });

  try {
    static_cast<void>(here.recv_bytes());
    FAIL();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), system_code(ECONNRESET));
    EXPECT_EQ(std::string(error.what()).rfind("recv", 0), 0U) << error.what();
  }
}

TEST(SocketTransportTest, ClosedConnectionRefusesAndItsNumberIsFree) {
  const auto [here, there] = connected_pair();
  const int number = here.fileno();
  here.close();

  EXPECT_EQ(code_of([&] { here.send(1); }), system_code(EBADF));
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
  EXPECT_THROW(static_cast<void>(there.recv<int>()), EOFError);
}

TEST(SocketTransportTest, MessagesOfSeveralThreadsDoNotMix) {
  constexpr int kEach = 200;
  const auto [here, there] = connected_pair();
  std::vector<std::thread> writers;
  for (const char letter : {'a', 'b', 'c'}) {
    writers.emplace_back([&here, letter] {
      for (int i = 0; i < kEach; ++i) here.send_bytes(std::string(5000, letter));
    });
  }

  for (int i = 0; i < 3 * kEach; ++i) {
    const std::string message = text(there.recv_bytes());
    ASSERT_EQ(message, std::string(5000, message[0]));
  }
  for (std::thread& writer : writers) writer.join();
}

TEST(SocketTransportTest, ManyThreadsReceiveEachMessageOnce) {
  constexpr int kMessages = 600;
  const auto [here, there] = connected_pair();
  std::atomic<int> sum{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&there, &sum] {
      for (;;) {
        const int got = there.recv<int>();
        if (got == 0) return;
        sum += got;
      }
    });
  }

  for (int i = 1; i <= kMessages; ++i) here.send(i);
  for (int i = 0; i < 3; ++i) here.send(0);
  for (std::thread& reader : readers) reader.join();

  EXPECT_EQ(sum, kMessages * (kMessages + 1) / 2);
}

TEST(SocketTransportTest, PollTellsMessagesAndTheEnd) {
  const auto [here, there] = connected_pair();
  EXPECT_FALSE(here.poll());
  EXPECT_FALSE(here.poll(1ms));
  there.send_bytes(std::string());

  EXPECT_TRUE(here.poll());
  EXPECT_TRUE(here.poll(1s)) << "polling takes nothing";
  EXPECT_TRUE(here.recv_bytes().empty());
  EXPECT_FALSE(here.poll());
}

TEST(SocketTransportTest, DescriptorTravelsThroughALocalSocket) {
  const auto [here, there] = connected_pair();
  auto [inner, other] = test::socket_pair();

  send_handle(here, inner.get());
  const sys::UniqueFd received(recv_handle(there));
  inner.reset();

  EXPECT_EQ(::write(received.get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(other.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
}

TEST(SocketTransportTest, ByteWithoutADescriptorIsRefused) {
  const auto [here, peer] = connection_and_peer();
  peer.send("x");

  EXPECT_THROW(static_cast<void>(recv_handle(here)), ValueError);
}

}  // namespace
}  // namespace multiprocessing
