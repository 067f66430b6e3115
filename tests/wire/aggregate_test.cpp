// Plain structs travel field by field, without boilerplate.

#include <multiprocessing/detail/codec.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <multiprocessing/errors.hpp>

#include "wire/round_trip.hpp"

namespace multiprocessing {

struct OptedIn {
  OptedIn() = default;
  explicit OptedIn(int n) : number(n) {}
  int number = 0;
};
template <>
inline constexpr bool trivially_transferable<OptedIn> = true;

namespace {

using test::round_trip;

struct Point {
  double x = 0, y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

struct Job {
  int id;
  std::string url;
  std::vector<Point> path;
  friend bool operator==(const Job&, const Job&) = default;
};

struct Named {
  char name[64];
  int grid[2][3];
  std::string labels[2];
  Point corners[2];
  double last;
};

struct Tree {
  std::string name;
  std::vector<Tree> children;
  std::unique_ptr<Tree> spare;
};

struct Owner {  // its vector says that it can be copied
  int id;
  std::vector<std::unique_ptr<std::string>> names;
  std::string labels[2];
};

struct Constant {
  const int number;
  std::string text;
};

class Stubborn {  // cannot be made without an argument
 public:
  explicit Stubborn(int n) : number(n) {}
  int number;
};
struct HoldsOptedIn {
  OptedIn inner;
  std::string text;
};

struct Padded {
  char c;
  int i;
  bool b;
};

struct WithPointer {
  int id;
  int* p;
};
struct WithReference {
  int& r;
};
struct WithConstReference {
  std::string text;
  const int& r;
};
struct Derived : Point {
  int z;
};
struct WithMutex {
  std::mutex mutex;
};
struct WithViews {
  std::string_view views[2];
};
struct Empty0 {};

struct BadTree {
  std::vector<BadTree> children;
  int* p;
};

static_assert(is_transferable_v<Job> && !detail::is_plain_v<Job>);
static_assert(is_transferable_v<Tree>);
static_assert(is_transferable_v<Named> && is_transferable_v<Constant>);
static_assert(is_transferable_v<Empty0> && detail::is_plain_v<Empty0>);
static_assert(detail::is_plain_v<Point> && detail::is_plain_v<Padded>);
static_assert(detail::is_plain_v<std::array<Point, 4>>);
static_assert(is_transferable_v<HoldsOptedIn> && detail::is_plain_v<OptedIn>);
static_assert(!is_transferable_v<Stubborn>);
static_assert(!is_transferable_v<WithPointer> && !is_transferable_v<std::vector<WithPointer>>);
static_assert(!is_transferable_v<WithReference> && !is_transferable_v<WithConstReference>);
static_assert(!is_transferable_v<Derived>);
static_assert(!is_transferable_v<WithMutex>);
static_assert(!is_transferable_v<WithViews>);
static_assert(!is_transferable_v<BadTree>);
static_assert(detail::kFields<Named> == 5 && detail::kFields<Job> == 3);

TEST(AggregateTest, StructArrivesFieldByField) {
  const Job job{7, "http://x", {{1, 2}, {3, 4}}};

  EXPECT_EQ(round_trip(job), job);
}

TEST(AggregateTest, ArraysInsideOfAStructArrive) {
  Named named{"name", {{1, 2, 3}, {4, 5, 6}}, {"a", "b"}, {{1, 2}, {3, 4}}, 2.5};

  const Named arrived = round_trip(named);

  EXPECT_STREQ(arrived.name, "name");
  EXPECT_EQ(arrived.grid[1][2], 6);
  EXPECT_EQ(arrived.labels[1], "b");
  EXPECT_EQ(arrived.corners[1], (Point{3, 4}));
  EXPECT_EQ(arrived.last, 2.5);
}

TEST(AggregateTest, StructThatContainsItselfArrives) {
  Tree tree{"root", {}, nullptr};
  tree.children.push_back({"leaf", {}, nullptr});
  tree.spare = std::make_unique<Tree>(Tree{"spare", {}, nullptr});
  detail::Writer out;
  detail::encode_value(out, tree);

  detail::Reader in(out.view());
  const Tree arrived = detail::decode_value<Tree>(in);

  EXPECT_EQ(arrived.children.at(0).name, "leaf");
  EXPECT_EQ(arrived.spare->name, "spare");
}

TEST(AggregateTest, ConstFieldArrives) {
  const auto arrived = round_trip(Constant{5, "x"});

  EXPECT_EQ(arrived.number, 5);
  EXPECT_EQ(arrived.text, "x");
}

TEST(AggregateTest, ClassThatOptedInArrivesInsideOfAStruct) {
  const auto arrived = round_trip(HoldsOptedIn{OptedIn(3), "x"});

  EXPECT_EQ(arrived.inner.number, 3);
  EXPECT_EQ(arrived.text, "x");
}

TEST(AggregateTest, VectorOfWhatCanOnlyBeMovedArrivesInsideOfAStruct) {
  Owner owner{7, {}, {"a", "b"}};
  owner.names.push_back(std::make_unique<std::string>("x"));

  const auto arrived = round_trip(owner);

  EXPECT_EQ(arrived.id, 7);
  ASSERT_EQ(arrived.names.size(), 1U);
  EXPECT_EQ(*arrived.names.front(), "x");
  EXPECT_EQ(arrived.labels[1], "b");
}

TEST(AggregateTest, ValueNestedTooDeeplyIsRefusedAtTheSender) {
  Tree tree{"root", {}, nullptr};
  for (int i = 0; i < 2 * detail::kMaxDepth; ++i) {
    tree = Tree{"level", {}, std::make_unique<Tree>(std::move(tree))};
  }
  detail::Writer out;

  EXPECT_THROW(detail::encode_value(out, tree), TransferError);
}

#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
TEST(AggregateTest, PaddingOfAStructIsNotSent) {
  alignas(Padded) unsigned char garbage[sizeof(Padded)];
  std::memset(garbage, 0xab, sizeof garbage);
  auto* padded = new (garbage) Padded;
  padded->c = 'x';
  padded->i = 1;
  padded->b = true;

  const auto bytes = test::encoded(*padded);

  EXPECT_EQ(bytes.at(1), std::byte{0});
}
#endif
#endif

}  // namespace
}  // namespace multiprocessing
