// Set; the names follow Python's TestSyncManagerTypes.test_set.

#include <multiprocessing/managers.hpp>
#include <multiprocessing/process.hpp>

#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace multiprocessing {
namespace {

using Numbers = std::set<int>;

std::string text_of(const auto& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

TEST(SetTest, IsMadeOfAnyRange) {
  const Manager manager;
  EXPECT_EQ(manager.set<int>(std::vector{3, 1, 3}).copy(), (Numbers{1, 3}));
  EXPECT_EQ(manager.set<int>(Numbers{2}).copy(), (Numbers{2}));
  EXPECT_EQ(manager.set<int>({4, 5}).copy(), (Numbers{4, 5}));
  EXPECT_EQ(manager.set<int>().size(), 0U);
  const Dict<int, int> dict({{1, 2}});
  EXPECT_EQ(Set<int>(dict.keys()).copy(), (Numbers{1}));
}

TEST(SetTest, AddTellsWhetherItWasNew) {
  const Set<std::string> set;
  EXPECT_TRUE(set.add("a"));
  EXPECT_FALSE(set.add("a"));
  EXPECT_TRUE(set.contains("a"));
  EXPECT_EQ(set.size(), 1U);
}

TEST(SetTest, DiscardRemoveAndPopTakeOut) {
  const Set<int> set{1, 2, 3};
  EXPECT_TRUE(set.discard(1));
  EXPECT_FALSE(set.discard(1));
  set.remove(2);
  EXPECT_THROW(set.remove(2), KeyError);
  EXPECT_EQ(set.pop(), 3);
  EXPECT_THROW(set.pop(), KeyError);
  set.add(1);
  set.clear();
  EXPECT_TRUE(set.empty());
}

TEST(SetTest, OperatorsMakeCopies) {
  const Set<int> a{1, 2, 3};
  const Set<int> b{3, 4};
  EXPECT_EQ(a | b, (Numbers{1, 2, 3, 4}));
  EXPECT_EQ(a & b, (Numbers{3}));
  EXPECT_EQ(a - b, (Numbers{1, 2}));
  EXPECT_EQ(a ^ b, (Numbers{1, 2, 4}));
  EXPECT_EQ(a | Numbers{9}, (Numbers{1, 2, 3, 9}));
  EXPECT_EQ(a.copy(), (Numbers{1, 2, 3}));
}

TEST(SetTest, InPlaceOperatorsChangeTheSet) {
  const Set<int> set{1, 2, 3};
  set |= Numbers{4};
  EXPECT_EQ(set.copy(), (Numbers{1, 2, 3, 4}));
  set &= Numbers{2, 3, 4, 5};
  EXPECT_EQ(set.copy(), (Numbers{2, 3, 4}));
  set -= Numbers{2};
  EXPECT_EQ(set.copy(), (Numbers{3, 4}));
  set ^= std::vector{4, 5, 5};
  EXPECT_EQ(set.copy(), (Numbers{3, 5}));
  set.update({6});
  EXPECT_EQ(set.copy(), (Numbers{3, 5, 6}));
}

TEST(SetTest, ComparisonsAreThoseOfSets) {
  const Set<int> small{1, 2};
  const Set<int> large{1, 2, 3};
  EXPECT_TRUE(small <= large && small < large && large > small && large >= small);
  EXPECT_FALSE(large <= small);
  EXPECT_TRUE(small <= small);
  EXPECT_FALSE(small < small);
  EXPECT_TRUE(small.issubset(large));
  EXPECT_TRUE(large.issuperset(small));
  EXPECT_TRUE(small.isdisjoint(Numbers{7}));
  EXPECT_FALSE(small.isdisjoint(large));
  EXPECT_FALSE(small == large);
  EXPECT_NE(small, (Set<int>{1, 2})) << "equality is identity";
}

TEST(SetTest, PrintsAsPythons) {
  EXPECT_EQ(text_of(Set<int>{2, 1}), "{1, 2}");
  EXPECT_EQ(text_of(Set<std::string>{"b", "a"}), "{'a', 'b'}");
  EXPECT_EQ(text_of(Set<int>()), "set()");
}

TEST(SetTest, IterationSeesEachElementOnce) {
  const Set<int> set(range(500));
  Numbers seen;
  for (const int element : set) EXPECT_TRUE(seen.insert(element).second);
  EXPECT_EQ(seen.size(), 500U);
}

TEST(SetTest, OneProcessAddsAnElement) {
  const Set<int> seen;
  const Value<int> added(0);
  std::vector<Process> children;
  for (int i = 0; i < 4; ++i) {
    children.emplace_back([seen, added] {
      for (int k = 0; k < 1000; ++k) {
        if (seen.add(k)) added.value += 1;
      }
    });
    children.back().start();
  }
  for (Process& child : children) child.join();
  EXPECT_EQ(added.get(), 1000);
  EXPECT_EQ(seen.size(), 1000U);
}

TEST(SetTest, ElementsMayBeHandlesAndAreHeld) {
  const Set<Queue<int>> queues;
  {
    const Queue<int> queue;
    queue.put(1);
    queues.add(queue);
    EXPECT_TRUE(queues.contains(queue));
  }
  for (const Queue<int>& queue : queues.copy()) EXPECT_EQ(queue.get(), 1);
  EXPECT_EQ(queues.pop().qsize(), 0U);
}

}  // namespace
}  // namespace multiprocessing
