// What a Dict does, told as Python's documentation tells it; no process is forked here.

#include <map>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/detail/dict.hpp>

#include "shm/block.hpp"

namespace multiprocessing {
namespace {

using Ages = Dict<std::string, int>;

template <class T>
std::string printed(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

TEST(DictTest, AssignedKeyReadsBack) {
  const Ages ages;

  ages["hermione"] = 16;

  const int age = ages["hermione"];
  EXPECT_EQ(age, 16);
  EXPECT_EQ(ages.at("hermione"), 16);
  EXPECT_EQ(ages.size(), 1U);
}

TEST(DictTest, ReadingAMissingKeyThrowsKeyErrorThatNamesIt) {
  const Ages ages;

  try {
    (void)ages.at("draco's");
    FAIL() << "no exception";
  } catch (const KeyError& error) {
    EXPECT_STREQ(error.what(),
                 "\"draco's\" is no key of the dict: get() and contains() do not mind");
  }
  EXPECT_THROW((void)int{ages["draco"]}, KeyError);
}

TEST(DictTest, ChangingAMissingKeyThrowsKeyErrorAndAddsNothing) {
  const Ages ages;

  EXPECT_THROW(ages["n"] += 1, KeyError);

  EXPECT_FALSE(ages.contains("n"));
}

TEST(DictTest, CompoundAssignmentsReturnTheNewValue) {
  const Ages ages{{"n", 10}};

  EXPECT_EQ(ages["n"] += 5, 15);
  EXPECT_EQ(ages["n"] *= 2, 30);
  EXPECT_EQ(++ages["n"], 31);
  EXPECT_EQ(ages["n"]++, 31);
  EXPECT_EQ(ages["n"] %= 10, 2);
}

TEST(DictTest, ElementOfOneKeyMayBeAssignedToAnother) {
  const Ages ages{{"harry", 17}};

  ages["ron"] = ages["harry"];

  EXPECT_TRUE(ages["ron"] == 17);
  EXPECT_TRUE(ages["ron"] == ages["harry"]);
}

TEST(DictTest, GetReturnsNothingOrTheFallbackForAMissingKey) {
  const Ages ages{{"harry", 17}};

  EXPECT_EQ(ages.get("harry"), std::optional<int>(17));
  EXPECT_EQ(ages.get("draco"), std::nullopt);
  EXPECT_EQ(ages.get("draco", 3), 3);
}

TEST(DictTest, SetdefaultSetsOnlyWhatIsMissing) {
  const Ages ages;

  EXPECT_EQ(ages.setdefault("ron", 16), 16);
  EXPECT_EQ(ages.setdefault("ron", 99), 16);
  EXPECT_EQ(ages.at("ron"), 16);
}

TEST(DictTest, PopRemovesAndReturns) {
  const Ages ages{{"ron", 16}};

  EXPECT_EQ(ages.pop("ron"), 16);
  EXPECT_THROW(ages.pop("ron"), KeyError);
  EXPECT_EQ(ages.pop("ron", 1), 1);
}

TEST(DictTest, PopitemEmptiesTheDictThenThrows) {
  const Ages ages{{"a", 1}, {"b", 2}};

  std::map<std::string, int> popped;
  popped.insert(ages.popitem());
  popped.insert(ages.popitem());

  EXPECT_EQ(popped, (std::map<std::string, int>{{"a", 1}, {"b", 2}}));
  EXPECT_THROW(ages.popitem(), KeyError);
}

TEST(DictTest, UpdateTakesMapsPairsAndDicts) {
  const Ages ages{{"a", 1}};

  ages.update(std::map<std::string, int>{{"b", 2}});
  ages.update({{"c", 3}, {"a", 4}});
  ages.update(Ages{{"d", 5}});

  EXPECT_EQ(ages.copy(), (std::map<std::string, int>{{"a", 4}, {"b", 2}, {"c", 3}, {"d", 5}}));
}

TEST(DictTest, EraseTellsWhetherTheKeyWasThere) {
  const Ages ages{{"a", 1}};

  EXPECT_TRUE(ages.erase("a"));
  EXPECT_FALSE(ages.erase("a"));
  EXPECT_TRUE(ages.empty());
}

TEST(DictTest, KeysValuesAndItemsAgree) {
  const Ages ages{{"a", 1}, {"b", 2}, {"c", 3}};

  std::map<std::string, int> seen;
  for (const auto& [key, value] : ages.items()) seen[key] = value;
  int sum = 0;
  for (const int value : ages.values()) sum += value;
  std::unordered_set<std::string> keys;
  for (const auto& key : ages) keys.insert(key);

  EXPECT_EQ(seen, ages.copy());
  EXPECT_EQ(sum, 6);
  EXPECT_EQ(keys, (std::unordered_set<std::string>{"a", "b", "c"}));
  EXPECT_EQ(ages.keys().size(), 3U);
}

TEST(DictTest, ModifyBeginsAMissingKeyWithADefault) {
  const Dict<std::string, std::vector<int>> lists;

  const auto size = lists.modify("squares", [](std::vector<int>& list) {
    list.push_back(1);
    return list.size();
  });

  EXPECT_EQ(size, 1U);
  EXPECT_EQ(lists.at("squares"), std::vector<int>{1});
}

TEST(DictTest, ModifyThatThrowsChangesNothingAndReleasesTheKey) {
  const Ages ages{{"a", 1}};

  EXPECT_THROW(ages.modify("a",
                           [](int& value) {
                             value = 2;
                             throw std::runtime_error("on purpose");
                           }),
               std::runtime_error);

  EXPECT_EQ(ages.at("a"), 1);
  ages["a"] = 3;
  EXPECT_EQ(ages.at("a"), 3);
}

TEST(DictTest, ModifyMayReadButNotWriteTheSameDict) {
  const Ages ages{{"a", 1}, {"b", 2}};
  const Ages others;

  ages.modify("a", [&](int& value) { value = ages["b"]; });
  ages.modify("a", [&](int&) { others["x"] = 1; });

  EXPECT_EQ(ages.at("a"), 2);
  EXPECT_THROW(ages.modify("a", [&](int&) { ages["b"] = 1; }), ValueError);
  EXPECT_THROW(ages.modify("a", [&](int&) { ages.clear(); }), ValueError);
}

TEST(DictTest, PrintsAsPythonDoes) {
  const Dict<std::string, bool> flags{{"it's", true}, {"a\n", false}};
  const Dict<int, std::vector<double>> numbers{{1, {1.0, 0.5, 1e22}}, {2, {}}};
  const Dict<std::string, std::optional<int>> options{{"some", 1}, {"none", std::nullopt}};

  EXPECT_EQ(printed(Ages{{"ron", 16}, {"hermione", 16}}), "{'hermione': 16, 'ron': 16}");
  EXPECT_EQ(printed(flags), "{'a\\n': False, \"it's\": True}");
  EXPECT_EQ(printed(numbers), "{1: [1.0, 0.5, 1e+22], 2: []}");
  EXPECT_EQ(printed(options), "{'none': None, 'some': 1}");
  EXPECT_EQ(printed(Ages{}), "{}");
}

TEST(DictTest, NestedDictsAreHandlesOntoOneAnother) {
  const Dict<std::string, Ages> houses;
  houses["gryffindor"] = Ages{{"harry", 17}};

  houses["gryffindor"]["harry"] += 1;
  const Ages inner = houses["gryffindor"];
  houses.erase("gryffindor");

  EXPECT_EQ(inner.at("harry"), 18);
  EXPECT_TRUE(houses.empty());
}

TEST(DictTest, EqualityMeansTheSameDict) {
  const Ages a{{"x", 1}};
  const Ages b{{"x", 1}};
  const Ages copy = a;  // NOLINT(performance-unnecessary-copy-initialization): the case

  EXPECT_EQ(a, copy);
  EXPECT_NE(a, b);
  EXPECT_EQ(std::hash<Ages>{}(a), std::hash<Ages>{}(copy));
  EXPECT_EQ(Ages::from_handle_id(a.handle_id()), a);
}

struct Point {
  int x, y;
  std::string label;
};

TEST(DictTest, KeysAndValuesMayBeAnyTransferableType) {
  const Dict<std::pair<int, std::string>, Point> points;
  const Dict<double, char> signs{{0.0, 'z'}};

  points[{1, "one"}] = Point{1, 2, "near"};

  EXPECT_EQ(points.at({1, "one"}).label, "near");
  EXPECT_FALSE(points.contains({1, "two"}));
  EXPECT_TRUE(signs.contains(-0.0));
}

TEST(DictTest, LongKeysAndValuesAreKept) {
  const Dict<std::string, std::string> texts;
  const std::string key(3000, 'k');
  const std::string value(300000, 'v');

  texts[key] = value;
  texts[""] = "empty key";
  texts["small"] = "now";
  texts["small"] = std::string(5000, 's');
  texts["small"] = "again";

  EXPECT_TRUE(texts.at(key) == value);
  EXPECT_EQ(texts.at(""), "empty key");
  EXPECT_EQ(texts.at("small"), "again");
}

TEST(DictTest, RandomOperationsAgreeWithAMap) {
  const Dict<std::string, std::string> dict;
  std::unordered_map<std::string, std::string> model;
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): a test repeats itself
  for (int i = 0; i < 60000; ++i) {
    const std::string key = "key" + std::to_string(random() % 2000);
    const auto choice = random() % 10;
    if (choice < 6) {
      const std::size_t size = random() % 50 == 0 ? random() % 4000 : random() % 50;
      const std::string value(size, static_cast<char>('a' + random() % 26));
      dict[key] = value;
      model[key] = value;
    } else if (choice < 9) {
      ASSERT_EQ(dict.erase(key), model.erase(key) == 1);
    } else {
      ASSERT_EQ(dict.get(key).has_value(), model.contains(key));
    }
    ASSERT_EQ(dict.size(), model.size());
  }
  for (const auto& [key, value] : dict.items()) ASSERT_EQ(model.at(key), value);
  EXPECT_EQ(dict.items().size(), model.size());
}

TEST(DictTest, MemoryComesBackAfterEraseAndClear) {
  const Ages empty;
  const std::uint64_t before = shm::census().bytes;
  {
    const Ages ages;
    for (int i = 0; i < 20000; ++i) ages["key" + std::to_string(i)] = i;
    const std::uint64_t full = shm::census().bytes - before;
    EXPECT_LE(full, 20000U * 64);

    for (int i = 0; i < 19000; ++i) ages.erase("key" + std::to_string(i));
    EXPECT_LE(shm::census().bytes - before, full / 3);
    ages.clear();
    EXPECT_LE(shm::census().bytes - before, full / 6);
  }
  EXPECT_EQ(shm::census().bytes, before);
}

TEST(DictTest, MovedFromDictRefusesToBeUsed) {
  Ages ages;
  const Ages other = std::move(ages);

  EXPECT_THROW((void)ages.get("a"), ValueError);  // NOLINT: the case
}

}  // namespace
}  // namespace multiprocessing
