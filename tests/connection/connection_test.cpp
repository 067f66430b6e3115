// One process: what a connection does with messages, and what it refuses.

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <system_error>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include <multiprocessing/connection.hpp>
#include <multiprocessing/queues.hpp>

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class F>
int error_of(F call) {
  try {
    call();
  } catch (const std::system_error& error) {
    return error.code().value();
  }
  return 0;
}

struct Job {
  int id;
  std::string url;
  friend bool operator==(const Job&, const Job&) = default;
};

TEST(ConnectionTest, ValuesArriveInTheOrderSentBothWays) {
  auto [a, b] = Pipe();
  a.send(1);
  a.send("hello");
  a.send(Job{7, "x"});
  b.send(std::vector<double>{0.5, 1.5});

  EXPECT_EQ(b.recv<int>(), 1);
  EXPECT_EQ(b.recv<std::string>(), "hello");
  EXPECT_EQ(b.recv<Job>(), (Job{7, "x"}));
  std::vector<double> numbers;
  a.recv(numbers);
  EXPECT_EQ(numbers, (std::vector<double>{0.5, 1.5}));
}

TEST(ConnectionTest, AVariantAcceptsWhatWasSentAsOneOfItsTypes) {
  auto [a, b] = Pipe();
  using Any = std::variant<int, std::string>;
  a.send(5);
  a.send("five");
  a.send(Any(6));

  EXPECT_EQ(b.recv<Any>(), Any(5));
  EXPECT_EQ(b.recv<Any>(), Any("five"));
  EXPECT_EQ(b.recv<Any>(), Any(6));
}

TEST(ConnectionTest, AMessageOfAnotherTypeThrowsNamingBothAndTheNextOneComes) {
  auto [a, b] = Pipe();
  a.send(std::vector<std::string>{"x"});
  a.send(2);

  try {
    (void)b.recv<int>();
    FAIL() << "a vector was taken for an int";
  } catch (const TransferError& error) {
    EXPECT_NE(std::string(error.what()).find("std::vector<std::string>"), std::string::npos)
        << error.what();
    EXPECT_NE(std::string(error.what()).find("int"), std::string::npos) << error.what();
  }
  EXPECT_EQ(b.recv<int>(), 2);
}

TEST(ConnectionTest, BytesAreNoValue) {
  auto [a, b] = Pipe();
  a.send_bytes("abc");
  a.send_bytes("0123456789abcdef");

  EXPECT_THROW((void)b.recv<int>(), TransferError);
  EXPECT_THROW((void)b.recv<std::string>(), TransferError);
  EXPECT_FALSE(b.poll());
}

TEST(ConnectionTest, AMessageHandedOnAsBytesIsStillTheValue) {
  auto [a, b] = Pipe();
  auto [c, d] = Pipe();
  a.send(Job{1, "far"});

  c.send_bytes(b.recv_bytes());

  EXPECT_EQ(d.recv<Job>(), (Job{1, "far"}));
}

TEST(ConnectionTest, TypedEndsCarryTheirType) {
  auto [a, b] = Pipe<Job>();
  a.send({3, "typed"});
  EXPECT_EQ(b.recv(), (Job{3, "typed"}));
  EXPECT_EQ(b.untyped().readable(), true);
}

TEST(ConnectionTest, BytesOfAllSizesArriveWhole) {
  auto [a, b] = Pipe();
  for (const std::size_t size : {0U, 1U, 1023U, 1024U, 1025U, 70'000U, 3'000'000U}) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7);
    a.send_bytes(bytes);
    EXPECT_EQ(b.recv_bytes(), bytes) << size;
  }
}

TEST(ConnectionTest, OneWayEndsKnowTheirDirection) {
  auto [reader, writer] = Pipe(false);
  EXPECT_TRUE(reader.readable());
  EXPECT_FALSE(reader.writable());
  EXPECT_FALSE(writer.readable());
  EXPECT_TRUE(writer.writable());
  writer.send(1);
  EXPECT_EQ(reader.recv<int>(), 1);

  EXPECT_EQ(error_of([&] { reader.send(2); }), EBADF);
  EXPECT_EQ(error_of([&] { (void)writer.recv<int>(); }), EBADF);
  EXPECT_EQ(error_of([&] { (void)writer.recv_bytes(); }), EBADF);
  EXPECT_EQ(error_of([&] { (void)writer.poll(); }), EBADF);
}

TEST(ConnectionTest, ClosingIsForAllCopiesAndMayBeRepeated) {
  auto [a, b] = Pipe();
  const Connection copy = a;
  EXPECT_EQ(copy, a);
  a.close();
  copy.close();

  EXPECT_TRUE(copy.closed());
  EXPECT_FALSE(copy.readable() || copy.writable());
  EXPECT_EQ(error_of([&] { copy.send(1); }), EBADF);
  EXPECT_EQ(error_of([&] { (void)copy.recv<int>(); }), EBADF);
  EXPECT_EQ(error_of([&] { (void)copy.poll(); }), EBADF);
  EXPECT_EQ(error_of([&] { (void)copy.fileno(); }), EBADF);
  EXPECT_EQ(error_of([&] { (void)copy.handle_id(); }), EBADF);
}

TEST(ConnectionTest, AfterTheOtherEndIsClosedWhatWasSentComesThenTheEnd) {
  auto [a, b] = Pipe();
  a.send(1);
  a.send(2);
  a.close();

  EXPECT_TRUE(b.poll());
  EXPECT_EQ(b.recv<int>(), 1);
  EXPECT_EQ(b.recv<int>(), 2);
  EXPECT_TRUE(b.poll());
  EXPECT_THROW((void)b.recv<int>(), EOFError);
  EXPECT_THROW((void)b.recv_bytes(), EOFError);
  EXPECT_EQ(error_of([&] { b.send(3); }), EPIPE);
}

TEST(ConnectionTest, DroppingTheLastCopyCloses) {
  auto ends = Pipe();
  std::optional<Connection> last(ends.first);
  {
    Connection moved = std::move(ends.first);
    moved.send(1);
  }
  EXPECT_EQ(ends.second.recv<int>(), 1);
  EXPECT_FALSE(ends.second.poll());

  last.reset();

  EXPECT_THROW((void)ends.second.recv<int>(), EOFError);
}

TEST(ConnectionTest, ReceivingInVainThrowsWhenTheTimeIsOver) {
  auto [a, b] = Pipe();
  EXPECT_FALSE(b.poll());
  EXPECT_FALSE(b.poll(-1s));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(b.poll(20ms));
  EXPECT_THROW((void)b.recv<int>(20ms), TimeoutError);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 40ms);
}

TEST(ConnectionTest, PollingTakesNothingAndMergesNothing) {
  auto [a, b] = Pipe();
  a.send_bytes("one");
  a.send_bytes("");
  a.send_bytes("three");
  for (const char* text : {"one", "", "three"}) {
    EXPECT_TRUE(b.poll());
    EXPECT_TRUE(b.poll());
    EXPECT_EQ(text_of(b.recv_bytes()), text);
  }
  EXPECT_FALSE(b.poll());
}

TEST(ConnectionTest, PartsOfABufferAreSentWithinItsBoundsOnly) {
  auto [a, b] = Pipe();
  const std::string message = "abcdefghijklmnopqrstuvwxyz";
  a.send_bytes(message, 5);
  EXPECT_EQ(text_of(b.recv_bytes()), message.substr(5));
  a.send_bytes(message, 7, 8);
  EXPECT_EQ(text_of(b.recv_bytes()), message.substr(7, 8));
  a.send_bytes(message, 26);
  EXPECT_EQ(text_of(b.recv_bytes()), "");
  a.send_bytes(message, 26, 0);
  EXPECT_EQ(text_of(b.recv_bytes()), "");

  EXPECT_THROW(a.send_bytes(message, 27), ValueError);
  EXPECT_THROW(a.send_bytes(message, 22, 5), ValueError);
  EXPECT_THROW(a.send_bytes(message, 26, 1), ValueError);
  EXPECT_THROW(a.send_bytes(message, -1), ValueError);
  EXPECT_THROW(a.send_bytes(message, 4, -1), ValueError);
  EXPECT_FALSE(b.poll());
}

TEST(ConnectionTest, MessagesAreReceivedIntoABufferAtAnOffset) {
  auto [a, b] = Pipe();
  std::array<std::byte, 10> buffer{};
  a.send_bytes("hello");
  EXPECT_EQ(b.recv_bytes_into(buffer, 2), 5U);
  EXPECT_EQ(text_of({buffer.begin() + 2, buffer.begin() + 7}), "hello");
  EXPECT_EQ(buffer[1], std::byte{0});

  EXPECT_THROW((void)b.recv_bytes_into(buffer, -1), ValueError);
  EXPECT_THROW((void)b.recv_bytes_into(buffer, 11), ValueError);
}

TEST(ConnectionTest, ABufferTooShortThrowsTheMessageAndTheNextOneComes) {
  auto [a, b] = Pipe();
  std::array<std::byte, 10> buffer{};
  a.send_bytes("longer than ten");
  a.send_bytes("next");
  try {
    (void)b.recv_bytes_into(buffer, 3);
    FAIL() << "it does not fit";
  } catch (const BufferTooShort& error) {
    EXPECT_EQ(text_of(error.message()), "longer than ten");
  }
  EXPECT_EQ(text_of(b.recv_bytes()), "next");
}

TEST(ConnectionTest, AMessageBeyondMaxlengthEndsReceiving) {
  auto [a, b] = Pipe();
  a.send_bytes("12345");
  a.send_bytes("123456");
  EXPECT_EQ(text_of(b.recv_bytes(5)), "12345");
  EXPECT_EQ(error_of([&] { (void)b.recv_bytes(5); }), EMSGSIZE);
  EXPECT_FALSE(b.readable());
  EXPECT_TRUE(b.writable());
  EXPECT_EQ(error_of([&] { (void)b.recv_bytes(); }), EBADF);

  auto [reader, writer] = Pipe(false);
  writer.send_bytes("123456");
  EXPECT_EQ(error_of([&] { (void)reader.recv_bytes(5); }), EMSGSIZE);
  EXPECT_TRUE(reader.closed());
}

TEST(ConnectionTest, AnEndMayBeSentThroughAnotherConnection) {
  auto [a, b] = Pipe();
  auto [reader, writer] = Pipe(false);
  a.send(writer);
  writer.close();
  EXPECT_FALSE(reader.poll()) << "the message holds the end";

  {
    const auto arrived = b.recv<Connection>();
    EXPECT_FALSE(arrived.readable());
    arrived.send(9);
  }

  EXPECT_EQ(reader.recv<int>(), 9);
  EXPECT_THROW((void)reader.recv<int>(), EOFError);
}

TEST(ConnectionTest, AnEndThatIsSentToItsOwnProcessIsTheSameConnection) {
  auto [a, b] = Pipe();
  Queue<Connection> queue;
  queue.put(a);
  const Connection again = queue.get();
  EXPECT_EQ(again, a);
  EXPECT_TRUE(std::unordered_set<Connection>({a, b}).contains(again));
}

TEST(ConnectionTest, AMessageThatNobodyReceivesLetsGoOfTheEndInIt) {
  auto [reader, writer] = Pipe(false);
  {
    auto [a, b] = Pipe();
    a.send(writer);
    writer.close();
  }
  EXPECT_THROW((void)reader.recv<int>(), EOFError);
}

TEST(ConnectionTest, WhatIsNoDescriptorIsNotTakenForOne) {
  auto [a, b] = Pipe();
  a.send(1);
  a.send_bytes("foo");
  EXPECT_THROW((void)recv_handle(b), ValueError);
  EXPECT_THROW((void)recv_handle(b), ValueError);
  EXPECT_EQ(error_of([&a] { send_handle(a, -1); }), EBADF);
  EXPECT_FALSE(b.poll());
}

TEST(ConnectionTest, UseAfterAMoveIsAnError) {
  auto [a, b] = Pipe();
  const Connection moved = std::move(a);
  EXPECT_THROW(a.send(1), ValueError);  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(a.closed());
}

}  // namespace
}  // namespace multiprocessing
