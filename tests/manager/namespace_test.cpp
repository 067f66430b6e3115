// Namespace; the names follow Python's _TestContainers.test_namespace.

#include <multiprocessing/managers.hpp>
#include <multiprocessing/process.hpp>

#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/child.hpp"

namespace multiprocessing {
namespace {

struct Point {
  int x;
  int y;
  friend bool operator==(const Point&, const Point&) = default;
};

TEST(NamespaceTest, NamesAreSetReadAndErased) {
  const auto space = Manager().Namespace();
  space["name"] = "Bob";
  space["job"] = std::string("Builder");
  space["_hidden"] = "hidden";
  const std::string name = space["name"];
  EXPECT_EQ(name, "Bob");
  EXPECT_TRUE(space.contains("job"));
  EXPECT_TRUE(space.erase("job"));
  EXPECT_FALSE(space.erase("job"));
  EXPECT_FALSE(space.contains("job"));

  std::ostringstream out;
  out << space;
  EXPECT_EQ(out.str(), "Namespace(name='Bob')") << "hidden names are not printed";
}

TEST(NamespaceTest, HoldsValuesOfAnyTransferableType) {
  const Namespace space;
  space.set("i", 10);
  space.set("p", Point{1, 2});
  space.set("v", std::vector<double>{1.5, 2});
  const List<int> list{1, 2};
  space["l"] = list;
  EXPECT_EQ(space.get<int>("i"), 10);
  EXPECT_EQ(space.get<Point>("p"), (Point{1, 2}));
  const List<int> same = space["l"];
  EXPECT_EQ(same, list);
  space["i"] = std::string("another type now");
  EXPECT_EQ(space.get<std::string>("i"), "another type now");
  space.erase("p");
  std::ostringstream out;
  out << space;
  EXPECT_EQ(out.str(), "Namespace(i='another type now', l=[1, 2], v=[1.5, 2.0])");
}

TEST(NamespaceTest, MissingNameThrowsKeyErrorWithTheName) {
  const Namespace space;
  try {
    (void)space.get<int>("nobody");
    FAIL() << "nothing was thrown";
  } catch (const KeyError& error) {
    EXPECT_STREQ(error.what(), "'nobody' is no name here: ask contains() first");
  }
}

TEST(NamespaceTest, AnotherTypeThrowsTransferErrorNamingBoth) {
  const Namespace space;
  space["x"] = 1;
  try {
    (void)space.get<std::string>("x");
    FAIL() << "nothing was thrown";
  } catch (const TransferError& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find("x is of type int, not std::string"), std::string::npos) << what;
  }
  EXPECT_EQ(space.get<int>("x"), 1);
}

TEST(NamespaceTest, ChildReadsWhatTheParentSetAndBack) {
  const Namespace space;
  space["x"] = 10;
  space["y"] = "hello";
  Process child([space] {
    test::require(space.get<int>("x") == 10 && space.get<std::string>("y") == "hello");
    space["x"] = 11;
  });
  child.start();
  child.join();
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(space.get<int>("x"), 11);
}

}  // namespace
}  // namespace multiprocessing
