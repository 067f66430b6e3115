// ShareableList, as test_multiprocessing asks of CPython's.

#include <multiprocessing/managers.hpp>
#include <multiprocessing/shared_memory.hpp>

#include <cstdint>
#include <limits>
#include <list>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "shared_memory/program.hpp"

namespace multiprocessing {
namespace {

using test::fresh_name;
using Bytes = ShareableItem::Bytes;

Bytes bytes(const std::string& text) {
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

std::string text_of(const auto& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

// Removes the list's memory at the end.
class ShareableListTest : public testing::Test {
 protected:
  ~ShareableListTest() override { list_.shm().unlink(); }

  ShareableList list_{"howdy", bytes("HoWdY"), -273.154, 100, nullptr, true, 42};
};

TEST_F(ShareableListTest, ItemsComeBackAsWhatTheyAre) {
  EXPECT_EQ(list_.size(), 7U);
  EXPECT_EQ(list_[0], "howdy");
  EXPECT_EQ(list_[1], bytes("HoWdY"));
  EXPECT_EQ(list_[2], -273.154);
  EXPECT_EQ(list_[-2], true);
  EXPECT_TRUE(list_[4].get().is_none());
  const int number = list_[-1];
  const std::string text = list_[0];
  EXPECT_EQ(number, 42);
  EXPECT_EQ(text, "howdy");
  EXPECT_EQ(text_of(list_),
            "ShareableList(['howdy', b'HoWdY', -273.154, 100, None, True, 42], "
            "name='" +
                list_.shm().name() + "')");
}

TEST_F(ShareableListTest, FormatIsThatOfPythonsStruct) {
  EXPECT_EQ(list_.format(), "8s8sdqxxxxxx?xxxxxxxx?q");
  list_[2] = 42;
  EXPECT_EQ(list_.format(), "8s8sqqxxxxxx?xxxxxxxx?q");
  list_[2] = "a";
  EXPECT_EQ(list_.format(), "8s8s8sqxxxxxx?xxxxxxxx?q");
}

TEST_F(ShareableListTest, ItemsMayChangeTheirTypeAndKeepTheirRoom) {
  list_[3] = nullptr;
  EXPECT_TRUE(list_[3].get().is_none());
  list_[3] = "12345678";  // exactly full
  EXPECT_EQ(list_[3], "12345678");
  EXPECT_THROW((list_[3] = "123456789"), ValueError);
  EXPECT_EQ(list_[3], "12345678");
  EXPECT_THROW((list_[0] = bytes("123456789")), ValueError);
  list_[0] = 1.5;
  EXPECT_EQ(list_[0], 1.5);
}

TEST_F(ShareableListTest, PositionsBeyondTheEndsAreErrors) {
  for (const std::ptrdiff_t position : {7, -8, 1000}) {
    EXPECT_THROW((void)list_.get(position), ValueError) << position;
    EXPECT_THROW((list_[position] = 1), ValueError) << position;
  }
}

TEST_F(ShareableListTest, CountsAndFindsAsPythonDoes) {
  EXPECT_EQ(list_.count(42), 1U);
  EXPECT_EQ(list_.count(1), 1U) << "True == 1";
  EXPECT_EQ(list_.count("adios"), 0U);
  EXPECT_EQ(list_.index(42), 6U);
  EXPECT_EQ(list_.index(bytes("HoWdY")), 1U);
  EXPECT_THROW((void)list_.index(100.5), ValueError);
  EXPECT_THROW((void)list_.index("HoWdY"), ValueError) << "text is not bytes";
}

TEST_F(ShareableListTest, WrongTypeIsAnErrorThatNamesTheItem) {
  EXPECT_THROW((void)static_cast<int>(list_[0]), ValueError);
  EXPECT_THROW((void)static_cast<std::string>(list_[6]), ValueError);
  EXPECT_THROW((void)static_cast<bool>(list_[6]), ValueError);
  EXPECT_EQ(static_cast<double>(list_[6]), 42.0);
  list_[6] = 300;
  EXPECT_THROW((void)static_cast<std::uint8_t>(list_[6]), ValueError);
  EXPECT_THROW((list_[6] = std::numeric_limits<std::uint64_t>::max()), ValueError);
}

TEST_F(ShareableListTest, OpenedByNameItIsTheSameList) {
  const ShareableList same(nullptr, {.name = list_.shm().name()});

  same[3] = 7;
  list_[0] = "adios";

  EXPECT_EQ(list_[3], 7);
  EXPECT_EQ(same[0], "adios");
  EXPECT_EQ(same, list_);
}

TEST_F(ShareableListTest, CopyWithANameIsAnotherList) {
  const std::string name = fresh_name();
  const ShareableList copy(list_, {.name = name});

  copy[6] = 43;

  EXPECT_EQ(copy.shm().name(), name);
  EXPECT_EQ(copy.size(), list_.size());
  EXPECT_EQ(list_[6], 42);
  EXPECT_NE(copy, list_);
  copy.shm().unlink();
}

TEST(ShareableListOfTest, EmptyOneTakesSixteenBytes) {
  const ShareableList list(std::vector<int>{});

  EXPECT_EQ(list.size(), 0U);
  EXPECT_EQ(list.shm().size(), 16U);
  EXPECT_EQ(list.format(), "");
  EXPECT_EQ(list.begin(), list.end());
  EXPECT_EQ(ShareableList(nullptr, {.name = list.shm().name()}).size(), 0U);
  list.shm().unlink();
}

TEST(ShareableListOfTest, AnyRangeOfItsTypesMakesOne) {
  const ShareableList numbers(std::list<short>{1, 2, 3});
  const ShareableList letters("h\u00e9y");

  EXPECT_EQ(numbers[2], 3);
  EXPECT_EQ(letters.size(), 3U);
  EXPECT_EQ(letters[1], "\u00e9");
  numbers.shm().unlink();
  letters.shm().unlink();
}

// As wire.md has it, dumped from CPython.
TEST(ShareableListOfTest, BytesAreCPythons) {
  const ShareableList list({"howdy", bytes("HoWdY"), -273.154, 100, nullptr, true, 42, "",
                            "xxxxxxxx", "\u00e9\u00e9\u00e9\u00e9"});
  const auto words = list.shm().as<std::int64_t>(0, 12);
  const std::string all(list.shm().as<char>().begin(), list.shm().as<char>().end());

  EXPECT_EQ(list.shm().size(), 274U);
  EXPECT_EQ(std::vector(words.begin(), words.end()),
            (std::vector<std::int64_t>{10, 0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 88}));
  EXPECT_EQ(all.substr(96 + 40, 8), std::string("\0\0\0\0\0\0\0\1", 8));
  EXPECT_EQ(all.substr(96 + 88, 16), std::string("8s\0\0\0\0\0\0008s\0\0\0\0\0\0", 16));
  EXPECT_EQ(all.substr(96 + 88 + 80), std::string("\1\2\0\0\3\0\0\1\1\1", 10));
  list.shm().unlink();
}

// CPython cuts it off.
TEST(ShareableListOfTest, LongTextThatIsNotAsciiIsNotCutOff) {
  std::string text;
  for (int i = 0; i < 15; ++i) text += "\u00e9";
  const ShareableList list({text});

  EXPECT_EQ(list[0], text);
  list.shm().unlink();
}

TEST(ShareableListOfTest, WhatHoldsNoListIsRefused) {
  const SharedMemory memory({.create = true, .size = 100});
  const auto open = [&] { return ShareableList(nullptr, {.name = memory.name()}); };
  const auto words = memory.as<std::int64_t>();

  words[0] = 1'000'000;
  EXPECT_THROW((void)open(), ValueError) << "more items than bytes";
  words[0] = 1;
  words[2] = 1 << 20;
  EXPECT_THROW((void)open(), ValueError) << "an item outside";
  words[2] = 8;
  EXPECT_THROW((void)open().get(0), ValueError) << "an item without a format";
  memory.unlink();
}

TEST(SharedMemoryManagerTest, RemovesAllThatItMadeAtItsEnd) {
  const SharedMemoryManager manager;
  EXPECT_THROW((void)manager.SharedMemory(9), ValueError) << "before start";
  manager.start();
  const SharedMemory memory = manager.SharedMemory(32);
  const ShareableList list = manager.ShareableList({1, 2, 3});
  const ShareableList letters = manager.ShareableList("howdy");
  const ShareableList same(nullptr, {.name = list.shm().name()});
  EXPECT_EQ(same[0], 1);

  manager.shutdown();

  EXPECT_FALSE(test::is_there(memory.name()));
  EXPECT_FALSE(test::is_there(list.shm().name()));
  EXPECT_FALSE(test::is_there(letters.shm().name()));
  EXPECT_EQ(list[2], 3) << "who has it keeps it";
  EXPECT_THROW((void)manager.SharedMemory(9), ValueError) << "after shutdown";
}

TEST(SharedMemoryManagerTest, LastCopyShutsItDown) {
  std::string name;
  {
    const SharedMemoryManager manager;
    manager.start();
    const SharedMemoryManager copy = manager;
    name = copy.SharedMemory(128).name();
    EXPECT_THROW(copy.start(), ValueError);
  }
  EXPECT_FALSE(test::is_there(name));
}

}  // namespace
}  // namespace multiprocessing
