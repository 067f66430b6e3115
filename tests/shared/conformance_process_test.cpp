// Cases of CPython's own tests of shared values, arrays and their memory that the other files do
// not have; each names the one it follows.

#include <multiprocessing/sharedctypes.hpp>

#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "support/chaos.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

template <template <class> class V, class T>
void expect_written_by_a_child(T first, T second) {
  const V<T> v(first);
  EXPECT_EQ(v.value, first);
  auto child = test::Child::run([&] { v.value = second; });
  ASSERT_EQ(child.wait(), test::exited(0));

  EXPECT_EQ(v.value, second);
}

template <template <class> class V>
void expect_all_codes() {  // i d h q c
  expect_written_by_a_child<V>(4343, 24234);
  expect_written_by_a_child<V>(3.625, -4.25);
  expect_written_by_a_child<V>(std::int16_t{-232}, std::int16_t{234});
  expect_written_by_a_child<V>(std::int64_t{1} << 33, std::int64_t{1} << 34);
  expect_written_by_a_child<V>('x', 'y');
}

TEST(ConformanceValueTest, ChildWritesEachType) {  // _TestValue.test_value
  expect_all_codes<Value>();
}

TEST(ConformanceValueTest, ChildWritesEachTypeRaw) {  // _TestValue.test_rawvalue
  expect_all_codes<RawValue>();
}

TEST(ConformanceArrayTest, MemoryThatIsUsedAgainIsZeroed) {  // _TestArray.test_array_from_size
  for (int round = 0; round < 3; ++round) {
    const Array<int> array(10);
    for (int& x : array) {
      EXPECT_EQ(x, 0);
      x = 7;
    }
    EXPECT_EQ(array.slice(8, 20), (std::vector<int>{7, 7}));
  }
}

TEST(ConformanceArrayTest, IndexErrorNamesIndexAndSize) {
  const Array<int> array(3);
  try {
    array.at(5) = 1;
    FAIL() << "there is no such element";
  } catch (const ValueError& error) {
    EXPECT_STREQ(error.what(), "array index 5 out of range for size 3");
  }
}

void use_memory_again_and_again() {
  const Array<char> first(1);
  const auto before = test::blocks_in_use();
  std::mt19937 random(20260726);
  std::lognormal_distribution<double> size(5.5, 1.5);
  std::vector<std::optional<Array<char>>> kept(100);
  for (int i = 0; i < 5000; ++i) {
    auto& place = kept[random() % kept.size()];
    place.reset();
    place.emplace(static_cast<std::size_t>(size(random)) + 1);
    for (const char c : *place) test::require(c == 0);  // not what a freed one left there
    for (char& c : *place) c = static_cast<char>(i);
  }

  kept.clear();

  test::require(test::blocks_in_use() == before);
}

TEST(ConformanceHeapTest, FreedMemoryIsUsedAgain) {  // _TestHeap.test_heap
  // In a process that has no children, for whose sake something would be kept.
  EXPECT_EQ(test::Child::run(use_memory_again_and_again).wait(), test::exited(0));
}

struct Foo {
  int x;
  double y;
  std::int64_t z;
};

TEST(ConformanceCopyTest, CopyIsIndependent) {  // _TestSharedCTypes.test_copy
  const Value<Foo> foo(Foo{2, 5.0, std::int64_t{1} << 33});
  const Value<Foo> bar(foo.get());
  foo.with_lock([](Foo& f) { f = {0, 0, 0}; });

  EXPECT_EQ(bar.get().x, 2);
  EXPECT_EQ(bar.get().y, 5.0);
  EXPECT_EQ(bar.get().z, std::int64_t{1} << 33);
}

}  // namespace
}  // namespace multiprocessing
