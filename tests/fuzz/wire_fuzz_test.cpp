// Bytes of strangers: random and mutated frames, handshakes and values. They are read or refused;
// nothing crashes, and no memory is spent on what is only announced.
//
// The seed is fixed; MULTIPROCESSING_FUZZ_SEED and MULTIPROCESSING_FUZZ_ROUNDS look elsewhere, and
// for longer.

#include <multiprocessing/connection.hpp>
#include <multiprocessing/errors.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <system_error>
#include <tuple>
#include <variant>
#include <vector>

#include "connection/raw_peer.hpp"
#include "wire/frame.hpp"
#include "wire/handshake.hpp"

namespace {

// The largest piece of memory that was asked for since it was set to 0.
std::atomic<std::size_t> largest{0};

[[maybe_unused]] void* counted(std::size_t size) {
  std::size_t seen = largest.load(std::memory_order_relaxed);  // a single thread counts
  if (size > seen) largest.store(size, std::memory_order_relaxed);
  void* const memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// ThreadSanitizer's runtime has these to itself; the other builds count.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MULTIPROCESSING_COUNTS_NOTHING 1
#endif
#endif
#ifndef MULTIPROCESSING_COUNTS_NOTHING
void* operator new(std::size_t size) {
  return counted(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
#endif

namespace multiprocessing {

// Not in the unnamed namespace: clang warns of conversions that are only asked about.
namespace fuzz {

struct Inner {
  int number;
  std::string text;
  std::vector<double> values;
};
struct Outer {
  std::map<std::string, Inner> table;
  std::optional<std::variant<int, std::string, Inner>> choice;
  std::vector<std::shared_ptr<Inner>> pointers;
  std::unique_ptr<Inner> pointer;
  std::set<std::tuple<bool, char>> flags;
  std::exception_ptr error;
};

}  // namespace fuzz

namespace {

using fuzz::Inner;
using fuzz::Outer;
using wire::Bytes;
using wire::View;

constexpr std::size_t kLongest = 4096;  // no message here is longer
// A decoded element may be larger than its bytes on the wire, by what a node of a map takes.
constexpr std::size_t kMostMemory = kLongest * 256;

class WireFuzzTest : public testing::Test {
 protected:
  static unsigned setting(const char* name, unsigned otherwise) {
    const char* const given = std::getenv(name);
    return given != nullptr ? static_cast<unsigned>(std::atoi(given)) : otherwise;
  }

  unsigned below(unsigned end) { return static_cast<unsigned>(random_()) % end; }
  std::byte byte() { return static_cast<std::byte>(random_()); }

  Bytes random_bytes(std::size_t size) {
    Bytes bytes(size);
    // Small numbers are where counts, tags and lengths are at home.
    const bool small = below(2) == 0;
    for (std::byte& each : bytes) each = small ? static_cast<std::byte>(below(4)) : byte();
    return bytes;
  }

  // Changes, cuts or lengthens.
  Bytes mutated(Bytes bytes) {
    for (unsigned changes = 1 + below(4); changes > 0 && !bytes.empty(); --changes) {
      const std::size_t at = below(static_cast<unsigned>(bytes.size()));
      switch (below(5)) {
        case 0:
          bytes.resize(at);
          break;
        case 1:
          bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), byte());
          break;
        case 2:
          std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                      std::min<std::size_t>(8, bytes.size() - at), byte());
          break;
        default:
          bytes[at] = byte();
      }
    }
    return bytes;
  }

  unsigned rounds(unsigned usual) { return setting("MULTIPROCESSING_FUZZ_ROUNDS", usual); }

  unsigned seed_ = setting("MULTIPROCESSING_FUZZ_SEED", 20250101);
  std::mt19937 random_{seed_};
};

TEST_F(WireFuzzTest, AnyStreamIsFramesOrRefused) {
  for (unsigned round = rounds(20'000); round > 0; --round) {
    const Bytes stream = random_bytes(below(200));
    largest = 0;
    wire::FrameReader reader;
    std::size_t at = 0;
    try {
      while (at < stream.size()) {
        const auto room = reader.room();
        ASSERT_FALSE(room.empty());
        const std::size_t count =
            std::min<std::size_t>({room.size(), stream.size() - at, 1 + below(9)});
        std::memcpy(room.data(), stream.data() + at, count);
        reader.advance(count);
        at += count;
        if (reader.complete()) static_cast<void>(reader.take());
      }
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code().value(), EPROTO);
    }
    ASSERT_LE(largest, std::size_t{2} << 16U) << "seed " << seed_;
  }
}

// A handshake up to a random step, and then something else.
TEST_F(WireFuzzTest, AnyHandshakeEndsWithoutTheKeyInFailure) {
  using wire::Handshake;
  for (unsigned round = rounds(3'000); round > 0; --round) {
    const auto role = below(2) == 0 ? Handshake::Role::listener : Handshake::Role::client;
    const auto other =
        role == Handshake::Role::listener ? Handshake::Role::client : Handshake::Role::listener;
    Handshake mine(role, {.key = "secret", .allow_md5 = below(2) == 0});
    Handshake theirs(other, {.key = "guess", .allow_md5 = true});
    for (int step = 0; step < 6 && mine.waiting(); ++step) {
      for (const Bytes& message : mine.take_outgoing()) theirs.receive(message);
      auto answers = theirs.take_outgoing();
      if (answers.empty()) answers.push_back(random_bytes(below(80)));
      for (const Bytes& answer : answers) {
        mine.receive(below(3) == 0 ? mutated(answer) : answer);
      }
    }
    ASSERT_FALSE(mine.done()) << "seed " << seed_;
  }
}

Outer sample() {
  Outer outer;
  outer.table["a"] = {1, "one", {1.0, 2.0}};
  outer.choice = Inner{2, "two", {}};
  outer.pointers.push_back(std::make_shared<Inner>(Inner{3, "three", {3.0}}));
  outer.pointers.push_back(nullptr);
  outer.pointer = std::make_unique<Inner>(Inner{4, "four", {}});
  outer.flags = {{true, 'x'}, {false, 'y'}};
  outer.error = std::make_exception_ptr(ValueError("bad"));
  return outer;
}

template <class T>
void receive_as(const Connection& connection) {
  try {
    static_cast<void>(connection.recv<T>());
  } catch (const TransferError&) {
  }
}

TEST_F(WireFuzzTest, AnyValueFromASocketIsReadOrRefused) {
  const auto [here, peer] = test::connection_and_peer();
  const auto [sender, tap] = test::connection_and_peer();
  sender.send(sample());
  const std::string frame = tap.read_frame();
  const View view = wire::bytes_of(frame);
  const Bytes valid(view.begin(), view.end());
  for (unsigned round = rounds(5'000); round > 0; --round) {
    // Half of them keep the type, so that the value itself is looked into.
    Bytes message =
        below(2) == 0 ? Bytes(valid.begin() + 8, valid.end()) : random_bytes(below(kLongest / 8));
    message = mutated(std::move(message));
    const std::uint64_t id = below(4) == 0 ? random_() : detail::type_id<Outer>();
    message.insert(message.begin(), 8, std::byte{});
    std::memcpy(message.data(), &id, sizeof id);
    if (below(8) == 0) message = random_bytes(below(16));
    largest = 0;
    peer.send_frame({reinterpret_cast<const char*>(message.data()), message.size()});
    switch (below(3)) {
      case 0:
        receive_as<std::variant<int, std::string, Outer>>(here);
        break;
      default:
        receive_as<Outer>(here);
    }
    ASSERT_LE(largest, kMostMemory) << "seed " << seed_;
  }
}

TEST_F(WireFuzzTest, AnyTypeIsReadOrRefused) {
  const auto [here, peer] = test::connection_and_peer();
  const auto attempt = [&]<class T>(T*) {
    Bytes message = random_bytes(8 + below(64));
    const std::uint64_t id = detail::type_id<T>();
    std::memcpy(message.data(), &id, sizeof id);
    largest = 0;
    peer.send_frame({reinterpret_cast<const char*>(message.data()), message.size()});
    receive_as<T>(here);
    EXPECT_LE(largest, kMostMemory) << "seed " << seed_;
  };
  for (unsigned round = rounds(2'000); round > 0; --round) {
    attempt(static_cast<std::string*>(nullptr));
    attempt(static_cast<std::vector<std::string>*>(nullptr));
    attempt(static_cast<std::vector<std::vector<bool>>*>(nullptr));
    attempt(static_cast<std::map<int, std::vector<int>>*>(nullptr));
    attempt(static_cast<std::complex<double>*>(nullptr));
    attempt(static_cast<Address*>(nullptr));
    attempt(static_cast<std::exception_ptr*>(nullptr));
    attempt(static_cast<std::optional<std::tuple<std::string, bool, char>>*>(nullptr));
  }
}

}  // namespace
}  // namespace multiprocessing
