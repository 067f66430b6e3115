// Bytes that nobody wrote: they are refused with a TransferError, never with a crash.

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/errors.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "wire/round_trip.hpp"

namespace multiprocessing {
namespace {

using test::decoded;
using test::encoded;

struct Flags {
  int n;
  bool b[3];
};

struct Node {
  std::string name;
  std::vector<Node> children;
  std::unique_ptr<Node> next;
  std::variant<int, std::string, std::vector<Flags>> value;
  std::map<std::string, std::optional<std::set<int>>> table;
};

Node sample() {
  Node leaf{"leaf", {}, nullptr, std::vector<Flags>{{1, {true, false, true}}}, {}};
  Node root{"root", {}, nullptr, std::string("text"), {{"a", std::set<int>{1, 2}}, {"b", {}}}};
  root.children.push_back(std::move(leaf));
  root.next = std::make_unique<Node>();
  return root;
}

std::vector<std::byte> sample_bytes() {
  detail::Writer out;
  detail::encode_value(out, sample());
  return {out.data(), out.data() + out.size()};
}

TEST(GarbageTest, EveryTruncationOfAMessageIsRefused) {
  const auto bytes = sample_bytes();

  for (std::size_t size = 0; size < bytes.size(); ++size) {
    detail::Reader in(bytes.data(), size, false);
    EXPECT_THROW(detail::decode_value<Node>(in), TransferError) << size;
  }
}

TEST(GarbageTest, MutatedMessageIsReadOrRefused) {
  const auto bytes = sample_bytes();
  std::mt19937 random(20240607);
  std::size_t refused = 0;

  for (int round = 0; round < 20'000; ++round) {
    auto mutated = bytes;
    for (int change = 0; change < 3; ++change) {
      mutated[random() % mutated.size()] = static_cast<std::byte>(random());
    }
    try {
      detail::Reader in(mutated.data(), mutated.size(), false);
      static_cast<void>(detail::decode_value<Node>(in));
    } catch (const TransferError&) {
      ++refused;
    }
  }

  EXPECT_GT(refused, 0U);
}

TEST(GarbageTest, RandomBytesAreReadOrRefusedAsAnyType) {
  std::mt19937 random(42);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> bytes(random() % 64);
    for (auto& byte : bytes) byte = static_cast<std::byte>(random() % 4);
    const auto attempt = [&]<class T>(T) {
      try {
        detail::Reader in(bytes.data(), bytes.size(), false);
        static_cast<void>(detail::decode_value<T>(in));
      } catch (const TransferError&) {
      }
    };
    attempt(std::string());
    attempt(std::vector<std::string>());
    attempt(std::tuple<bool, std::optional<std::vector<double>>>());
    attempt(std::variant<bool, std::map<int, std::string>>());
    attempt(std::exception_ptr());
  }
}

TEST(GarbageTest, HugeCountIsRefusedBeforeMemoryIsSpent) {
  const auto bytes = encoded(std::uint64_t{1} << 60U);

  EXPECT_THROW(decoded<std::string>(bytes), TransferError);
  EXPECT_THROW(decoded<std::vector<std::string>>(bytes), TransferError);
  EXPECT_THROW(decoded<std::vector<bool>>(bytes), TransferError);
  EXPECT_THROW((decoded<std::map<int, int>>(bytes)), TransferError);
}

TEST(GarbageTest, EndlessNestingIsRefused) {
  struct List {
    std::unique_ptr<List> next;
  };
  const std::vector<std::byte> bytes(1'000'000, std::byte{1});

  EXPECT_THROW(decoded<List>(bytes), TransferError);
}

TEST(GarbageTest, BoolThatIsNeitherTrueNorFalseIsRefused) {
  EXPECT_THROW(decoded<bool>({std::byte{2}}), TransferError);
  auto bytes = encoded(Flags{1, {true, true, true}});
  bytes[5] = std::byte{77};

  EXPECT_THROW(decoded<Flags>(bytes, false), TransferError);
}

TEST(GarbageTest, VariantWithoutSuchAnAlternativeIsRefused) {
  EXPECT_THROW((decoded<std::variant<int, char>>(encoded(std::uint64_t{2}))), TransferError);
}

TEST(GarbageTest, BytesLeftOverAreRefused) {
  auto bytes = encoded(5);
  bytes.push_back(std::byte{0});

  EXPECT_THROW(decoded<int>(bytes), TransferError);
}

}  // namespace
}  // namespace multiprocessing
