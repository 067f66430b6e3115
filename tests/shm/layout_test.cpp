// The layout id changes with each change of a layout that sizes and places show.

#include "shm/layout.hpp"

#include <cstdint>

#include <gtest/gtest.h>

#include "shm/arena.hpp"

namespace multiprocessing::shm {
namespace {

struct Pair {
  std::uint64_t first;
  std::uint64_t second;
};
struct Swapped {
  std::uint64_t second;
  std::uint64_t first;
};
struct Narrow {
  std::uint64_t first;
  std::uint32_t second;
};
struct Apart {
  std::uint64_t first;
  alignas(64) std::uint64_t second;
};

template <class T>
consteval std::uint64_t id(std::uint64_t version = 1) {
  return Layout("room", version).structure(MULTIPROCESSING_STRUCTURE(T, first, second)).value();
}
template <>
consteval std::uint64_t id<Swapped>(std::uint64_t version) {
  return Layout("room", version)
      .structure(MULTIPROCESSING_STRUCTURE(Swapped, second, first))
      .value();
}

consteval std::uint64_t constant(const char* room, std::uint64_t value) {
  return Layout(room, 1).number(value).value();
}

TEST(LayoutTest, SameLayoutHasTheSameId) {
  EXPECT_EQ(id<Pair>(), id<Pair>());
}

TEST(LayoutTest, OrderSizeAndPlaceOfFieldsChangeTheId) {
  EXPECT_NE(id<Pair>(), id<Swapped>());
  EXPECT_NE(id<Pair>(), id<Narrow>());
  EXPECT_NE(id<Pair>(), id<Apart>());
}

TEST(LayoutTest, VersionsConstantsAndRoomsChangeTheId) {
  EXPECT_NE(id<Pair>(1), id<Pair>(2));
  EXPECT_NE(constant("room", 1), constant("room", 2));
  EXPECT_NE(constant("room", 1), constant("rooms", 1));
}

TEST(LayoutTest, ThisBuildHasAnId) {
  EXPECT_NE(layout_id(), 0U);
  EXPECT_EQ(layout_id(), arena().header().layout_id);
  EXPECT_EQ(shown(0x1F), "0x1f");
}

}  // namespace
}  // namespace multiprocessing::shm
