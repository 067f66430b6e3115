// List within one process; the names follow Python's _TestContainers and TestSyncManagerTypes.

#include <multiprocessing/managers.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

#include "shm/block.hpp"
#include "shm/object.hpp"

namespace multiprocessing {
namespace {

using Numbers = std::vector<int>;
using Texts = std::vector<std::string>;

template <class T>
std::string text_of(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

Numbers up_to(int n) {
  Numbers numbers(static_cast<std::size_t>(n));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

TEST(ListTest, PrintsAsPythons) {
  const Manager manager;
  EXPECT_EQ(text_of(manager.list<int>(range(10))), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]");
  EXPECT_EQ(text_of(manager.list<std::string>({"a", "it's"})), "['a', \"it's\"]");
  EXPECT_EQ(text_of(List<double>()), "[]");
}

TEST(ListTest, SlicesAreThoseOfPython) {
  const List<int> list(range(10));
  EXPECT_EQ(list.slice(2, 5), (Numbers{2, 3, 4}));
  EXPECT_EQ(list.slice(-3), (Numbers{7, 8, 9}));
  EXPECT_EQ(list.slice(0, -7), (Numbers{0, 1, 2}));
  EXPECT_EQ(list.slice(5, 2), Numbers());
  EXPECT_EQ(list.slice(20, 30), Numbers());
  EXPECT_EQ(list.slice(1, 8, 3), (Numbers{1, 4, 7}));
  EXPECT_EQ(list.slice(-1, -11, -4), (Numbers{9, 5, 1}));
  EXPECT_EQ(list.slice(3, 9, List<int>::npos), (Numbers{3}));
  EXPECT_THROW((void)list.slice(0, 5, 0), ValueError);
}

TEST(ListTest, ElementsAreReadAssignedAndChangedByIndex) {
  const List<int> list{1, 2, 3};
  list[0] = 10;
  list[-1] += 5;
  const int first = list[0];
  EXPECT_EQ(first, 10);
  EXPECT_EQ(list.at(2), 8);
  EXPECT_EQ(list[-2], 2);
  ++list[1];
  EXPECT_EQ(list.copy(), (Numbers{10, 3, 8}));
  for (const std::ptrdiff_t index : {3, -4}) {
    EXPECT_THROW((void)list.at(index), ValueError);
    EXPECT_THROW(list.set(index, 0), ValueError);
    EXPECT_THROW(list.modify(index, [](int&) {}), ValueError);
    EXPECT_THROW(list.pop(index), ValueError);
    EXPECT_THROW(list.erase(index), ValueError);
  }
}

TEST(ListTest, GrowsByAppendExtendAndTheirOperators) {
  const List<int> list;
  list.append(1);
  list.extend({2, 3});
  list += Numbers{4};
  list += {5};
  EXPECT_EQ(list.copy(), (Numbers{1, 2, 3, 4, 5}));
  list.extend(list);
  EXPECT_EQ(list.size(), 10U);
  list.clear();
  list += {1, 2};
  list *= 3;
  EXPECT_EQ(list.copy(), (Numbers{1, 2, 1, 2, 1, 2}));
  EXPECT_EQ(list + Numbers{7}, (Numbers{1, 2, 1, 2, 1, 2, 7}));
  EXPECT_EQ(list + List<int>{8}, (Numbers{1, 2, 1, 2, 1, 2, 8}));
  list *= 0;
  EXPECT_TRUE(list.empty());
}

TEST(ListTest, InsertClampsAsPythons) {
  const List<int> list{1, 2};
  list.insert(1, 5);
  list.insert(-100, 0);
  list.insert(100, 9);
  list.insert(-1, 8);
  EXPECT_EQ(list.copy(), (Numbers{0, 1, 5, 2, 8, 9}));
}

TEST(ListTest, PopRemoveAndEraseTakeOut) {
  const List<int> list{4, 5, 6, 7, 5};
  EXPECT_EQ(list.pop(), 5);
  EXPECT_EQ(list.pop(0), 4);
  EXPECT_EQ(list.pop(-2), 6);
  list.extend({1, 2, 1});
  list.remove(1);
  EXPECT_EQ(list.copy(), (Numbers{5, 7, 2, 1}));
  EXPECT_THROW(list.remove(99), ValueError);
  EXPECT_EQ(list.erase(1, 3), 2U);
  list.erase(0);
  EXPECT_EQ(list.copy(), (Numbers{1}));
  list.pop();
  EXPECT_THROW(list.pop(), ValueError);
}

TEST(ListTest, IndexCountAndContainsCompareElements) {
  const List<std::string> list{"a", "b", "a"};
  EXPECT_EQ(list.index("a"), 0U);
  EXPECT_EQ(list.index("a", 1), 2U);
  EXPECT_THROW((void)list.index("a", 1, 2), ValueError);
  EXPECT_THROW((void)list.index("z"), ValueError);
  EXPECT_EQ(list.count("a"), 2U);
  EXPECT_TRUE(list.contains("b"));
  EXPECT_FALSE(list.contains("z"));
}

TEST(ListTest, SortIsStableAndReverseReverses) {
  const List<std::string> list{"bb", "a", "cc", "b", "aa"};
  list.sort([](const std::string& a, const std::string& b) { return a.size() < b.size(); });
  EXPECT_EQ(list.copy(), (Texts{"a", "b", "bb", "cc", "aa"}));
  list.sort();
  EXPECT_EQ(list.copy(), (Texts{"a", "aa", "b", "bb", "cc"}));
  list.reverse();
  EXPECT_EQ(list.copy(), (Texts{"cc", "bb", "b", "aa", "a"}));
  list.sort(std::greater<>());
  EXPECT_EQ(list.at(0), "cc");
}

TEST(ListTest, SortThatThrowsOrChangesTheListChangesNothing) {
  const List<int> list{3, 1, 2};
  EXPECT_THROW(list.sort([](int, int) -> bool { throw std::runtime_error("no"); }),
               std::runtime_error);
  EXPECT_THROW(list.sort([&](int a, int b) {
    list.append(a + b);
    return a < b;
  }),
               ValueError);
  EXPECT_EQ(list.slice(0, 3), (Numbers{3, 1, 2}));
}

TEST(ListTest, SliceAssignmentMayGrowAndShrink) {
  for (const int before : {5, 12, 200}) {
    const List<std::string> list;
    Texts model;
    for (int i = 0; i < before; ++i) model.push_back(std::to_string(i));
    list.extend(model);
    list.set_slice(1, 3, {"x"});
    model.erase(model.begin() + 1, model.begin() + 3);
    model.insert(model.begin() + 1, "x");
    EXPECT_EQ(list.copy(), model);
    list.set_slice(2, 2, {"p", "q", "r"});
    model.insert(model.begin() + 2, {"p", "q", "r"});
    EXPECT_EQ(list.copy(), model);
    list.set_slice(0, 2, {"s", "t"});
    model[0] = "s";
    model[1] = "t";
    EXPECT_EQ(list.copy(), model);
    list.set_slice(-2, List<std::string>::npos, Texts());
    model.resize(model.size() - 2);
    EXPECT_EQ(list.copy(), model);
  }
}

TEST(ListTest, IterationSeesWhatIsAppendedMeanwhile) {
  const List<int> list{1, 2, 3};
  Numbers seen;
  for (const int element : list) {
    seen.push_back(element);
    if (element < 3) list.append(element + 10);
  }
  EXPECT_EQ(seen, (Numbers{1, 2, 3, 11, 12}));
}

TEST(ListTest, ModifyIsOneStepAndLeavesNothingIfItThrows) {
  const List<std::string> list{"a"};
  EXPECT_EQ(list.modify(0, [](std::string& text) { return (text += "b").size(); }), 2U);
  EXPECT_THROW(list.modify(0,
                           [](std::string& text) {
                             text = "lost";
                             throw std::runtime_error("no");
                           }),
               std::runtime_error);
  EXPECT_EQ(list.at(0), "ab");
  EXPECT_THROW(list.modify(0, [&](std::string&) { list.clear(); }), ValueError);
}

TEST(ListTest, NestedListsAreHandles) {
  const List<List<int>> outer;
  const List<int> inner{1};
  outer.append(inner);
  outer.append(List<int>{7, 8});
  outer[0].get().append(2);
  EXPECT_EQ(inner.copy(), (Numbers{1, 2}));
  EXPECT_EQ(outer.at(0), inner) << "identity is kept";
  EXPECT_EQ(outer[1][0], 7);
  EXPECT_EQ(text_of(outer), "[[1, 2], [7, 8]]");
  const Dict<std::string, List<Dict<std::string, int>>> deep;
  deep["a"] = List<Dict<std::string, int>>();
  deep["a"].get().append(Dict<std::string, int>({{"x", 1}}));
  deep["a"][0]["x"] += 1;
  EXPECT_EQ(text_of(deep), "{'a': [{'x': 2}]}");
}

TEST(ListTest, ElementsHoldWhatTheyReferTo) {
  const List<Queue<int>> queues;
  {
    const Queue<int> queue;
    queue.put(5);
    queues.append(queue);
  }
  EXPECT_EQ(queues.at(0).get(), 5);
  const std::size_t held = shm::held_objects();
  queues.clear();
  EXPECT_LE(shm::held_objects(), held);
}

TEST(ListTest, NegativeZeroStaysWhatItIs) {
  const List<double> list{-0.0};
  EXPECT_TRUE(std::signbit(list.at(0)));
}

TEST(ListTest, ManyElementsOfAllSizesComeBackAndTheMemoryGoes) {
  (void)List<int>();  // what a process needs from its first object on is there
  const std::uint64_t before = shm::census().bytes;
  {
    const List<std::string> list;
    Texts model;
    for (std::size_t i = 0; i < 20'000; ++i) {
      model.emplace_back(i % 300, static_cast<char>('a' + i % 26));
      list.append(model.back());
    }
    EXPECT_EQ(list.copy(), model);
    for (int i = 0; i < 19'990; ++i) list.pop();
    EXPECT_LT(shm::census().bytes, before + 100'000) << "is given back as the list shrinks";
    EXPECT_EQ(list.size(), 10U);
  }
  EXPECT_EQ(shm::census().bytes, before);
}

TEST(ListTest, ReadersSeeNoTornStateWhileAWriterRotates) {
  const List<std::string> list;
  for (int i = 0; i < 50; ++i) list.append(std::string(static_cast<std::size_t>(i + 1), 'x'));
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    while (!stop) {
      list.insert(0, list.pop());
      list[3] = list.at(3);
      list.reverse();
    }
  });
  for (int i = 0; i < 3000; ++i) {
    const std::string text = list.at(i % 49);
    EXPECT_EQ(text, std::string(text.size(), 'x'));
    const std::size_t size = list.size();
    EXPECT_TRUE(size == 50 || size == 49) << size;
  }
  stop = true;
  writer.join();
  Texts sorted = list.copy();
  std::ranges::sort(sorted);
  EXPECT_EQ(std::ranges::unique(sorted).begin(), sorted.end());
  EXPECT_EQ(sorted.size(), 50U);
}

TEST(ListTest, CopiesAreTheSameListAndHash) {
  const List<int> list;
  const List<int> copy = list;
  EXPECT_EQ(copy, list);
  EXPECT_NE(copy, List<int>());
  EXPECT_TRUE((std::unordered_set<List<int>>{list}.contains(copy)));
}

TEST(ListTest, ExtendByNumbersIsFastEnoughForMillions) {
  const List<int> list(up_to(1'000'000));
  list.append(1);
  EXPECT_EQ(list.size(), 1'000'001U);
  EXPECT_EQ(list.at(777'777), 777'777);
}

}  // namespace
}  // namespace multiprocessing
