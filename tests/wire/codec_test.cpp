// What is sent is what arrives: scalars, strings, containers and the standard vocabulary.

#include <multiprocessing/detail/codec.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <chrono>
#include <complex>
#include <cstdint>
#include <cstring>
#include <deque>
#include <filesystem>
#include <forward_list>
#include <functional>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <span>
#include <stack>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "wire/round_trip.hpp"

namespace multiprocessing {
namespace {

using test::decoded;
using test::encoded;
using test::round_trip;

template <class T>
void expect_arrives(const T& value) {
  EXPECT_EQ(round_trip(value), value);
}

TEST(CodecTest, ScalarArrivesAsItWas) {
  expect_arrives(true);
  expect_arrives('x');
  expect_arrives(std::numeric_limits<std::int64_t>::min());
  expect_arrives(std::numeric_limits<std::uint64_t>::max());
  expect_arrives(3.25F);
  expect_arrives(std::numeric_limits<double>::denorm_min());
  expect_arrives(std::byte{200});
  enum class Colour : std::uint8_t { red, green };
  expect_arrives(Colour::green);
}

TEST(CodecTest, StringOfAnyCharacterArrivesAsItWas) {
  expect_arrives(std::string());
  expect_arrives(std::string("nul \0 inside", 12));
  expect_arrives(std::string(100'000, 'x'));
  EXPECT_TRUE(round_trip(std::u8string(u8"grün")) == u8"grün");  // GoogleTest cannot print it
  expect_arrives(std::u16string(u"grün"));
  expect_arrives(std::u32string(U"grün"));
  expect_arrives(std::wstring(L"grün"));
}

TEST(CodecTest, SequenceArrivesInItsOrder) {
  expect_arrives(std::vector<int>{3, 1, 2});
  expect_arrives(std::vector<std::string>{"a", "", "c"});
  expect_arrives(std::vector<bool>{true, false, true});
  expect_arrives(std::array<int, 3>{3, 1, 2});
  expect_arrives(std::array<std::string, 2>{"a", "b"});
  expect_arrives(std::array<std::string, 0>{});
  expect_arrives(std::deque<double>{1.5, 2.5});
  expect_arrives(std::list<std::string>{"x", "y"});
  expect_arrives(std::forward_list<int>{1, 2, 3});
  expect_arrives(std::vector<std::vector<int>>{{1}, {}, {2, 3}});
}

TEST(CodecTest, AssociativeContainerArrivesWithAllItsElements) {
  expect_arrives(std::map<std::string, int>{{"ron", 16}, {"hermione", 17}});
  expect_arrives(std::multimap<int, int>{{1, 2}, {1, 3}});
  expect_arrives(std::set<std::string>{"b", "a"});
  expect_arrives(std::multiset<int>{1, 1, 2});
  expect_arrives(std::unordered_map<std::string, std::vector<int>>{{"a", {1}}, {"b", {}}});
  expect_arrives(std::unordered_set<int>{1, 2});
  expect_arrives(std::unordered_multimap<int, int>{{1, 2}, {1, 2}});
  expect_arrives(std::unordered_multiset<int>{5, 5});
}

TEST(CodecTest, AdaptorArrivesWithItsContainer) {
  std::priority_queue<int> priorities;
  for (const int priority : {2, 9, 4}) priorities.push(priority);
  std::stack<std::string> stack;
  stack.push("top");
  expect_arrives(stack);
  expect_arrives(std::queue<int>({1, 2}));

  EXPECT_EQ(round_trip(priorities).top(), 9);
}

TEST(CodecTest, VocabularyTypeArrivesAsItWas) {
  expect_arrives(std::optional<int>());
  expect_arrives(std::optional<std::string>("x"));
  expect_arrives(std::variant<int, std::string>("text"));
  expect_arrives(std::variant<std::monostate, int>());
  expect_arrives(std::tuple<int, std::string, double>(1, "two", 3.0));
  expect_arrives(std::tuple<>());
  expect_arrives(std::pair<std::string, int>("a", 1));
  expect_arrives(std::complex<double>(1, -2));
  expect_arrives(std::bitset<70>("101"));
  expect_arrives(std::filesystem::path("/tmp/x y"));
}

TEST(CodecTest, TimeArrivesAsItWas) {
  expect_arrives(std::chrono::milliseconds(15));
  expect_arrives(std::chrono::duration<double>(0.5));
  expect_arrives(std::chrono::steady_clock::now());
  expect_arrives(std::chrono::system_clock::now());
}

TEST(CodecTest, SmartPointerArrivesWithAnObjectOfItsOwn) {
  EXPECT_EQ(round_trip(std::unique_ptr<int>()), nullptr);
  EXPECT_EQ(round_trip(std::shared_ptr<std::string>()), nullptr);
  detail::Writer out;
  detail::encode_value(out, std::make_unique<std::string>("owned"));
  detail::Reader in(out.view());
  EXPECT_EQ(*detail::decode_value<std::unique_ptr<std::string>>(in), "owned");
  EXPECT_EQ(*round_trip(std::make_shared<const int>(7)), 7);
}

TEST(CodecTest, ListIsReadWhereADequeIsExpected) {
  const auto bytes = encoded(std::list<std::string>{"a", "b"});

  EXPECT_EQ(decoded<std::deque<std::string>>(bytes), (std::deque<std::string>{"a", "b"}));
}

TEST(CodecTest, PlainArrayLiesAlignedInTheMessage) {
  detail::Writer out;
  detail::encode_value(out, std::string("odd"));
  detail::encode_value(out, std::vector<double>{1, 2, 3});
  alignas(64) std::byte message[128];
  std::memcpy(message, out.data(), out.size());

  detail::Reader in(message, out.size());
  EXPECT_EQ(detail::decode_value<std::string>(in), "odd");
  const auto span = detail::decode_span<double>(in);

  EXPECT_GE(reinterpret_cast<const std::byte*>(span.data()), message);
  EXPECT_EQ(std::vector<double>(span.begin(), span.end()), (std::vector<double>{1, 2, 3}));
}

TEST(CodecTest, UnalignedMessageIsCopiedAndStillRead) {
  const auto bytes = encoded(std::vector<double>{1, 2, 3});
  std::vector<std::byte> shifted(1 + bytes.size());
  std::copy(bytes.begin(), bytes.end(), shifted.begin() + 1);

  detail::Reader in(shifted.data() + 1, bytes.size());

  EXPECT_EQ(detail::decode_value<std::vector<double>>(in), (std::vector<double>{1, 2, 3}));
}

static_assert(is_transferable_v<std::vector<std::map<std::string, std::optional<int>>>>);
static_assert(!is_transferable_v<int*>);
static_assert(!is_transferable_v<const char*>);
static_assert(!is_transferable_v<std::string_view>);
static_assert(!is_transferable_v<std::span<int>>);
static_assert(!is_transferable_v<std::reference_wrapper<int>>);
static_assert(!is_transferable_v<std::vector<int>::iterator>);
static_assert(!is_transferable_v<std::vector<int*>>);
static_assert(!is_transferable_v<std::unique_ptr<std::string_view>>);
static_assert(!is_transferable_v<std::nullptr_t>);
static_assert(!is_transferable_v<int std::string::*>);
static_assert(!is_transferable_v<std::function<void()>>);
static_assert(is_transferable_v<const int>);
static_assert(detail::is_plain_v<std::array<std::pair<int, int>*, 0>> == false);
static_assert(detail::is_plain_v<std::chrono::seconds>);
static_assert(!detail::is_plain_v<std::string>);
static_assert(std::is_same_v<detail::stored_t<const char (&)[4]>, std::string>);
static_assert(std::is_same_v<detail::stored_t<const char*&>, std::string>);
static_assert(std::is_same_v<detail::stored_t<const std::vector<int>&>, std::vector<int>>);

}  // namespace
}  // namespace multiprocessing
