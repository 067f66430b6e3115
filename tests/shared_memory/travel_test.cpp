// SharedMemory and ShareableList on their way to other processes, and in the hands of CPython.

#include <multiprocessing/managers.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>
#include <multiprocessing/shared_memory.hpp>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

#include <gtest/gtest.h>

#include "shared_memory/program.hpp"

namespace multiprocessing {
namespace {

using test::fresh_name;
using test::is_there;
using test::Program;

TEST(SharedMemoryTravelTest, ArgumentsAndItemsOfQueuesAreTheSameMemory) {
  const SharedMemory memory({.create = true, .size = 100});
  const ShareableList list({1, "two"});
  const Queue<SharedMemory> queue;
  queue.put(memory);
  Process child(
      [queue](const SharedMemory& given, const ShareableList& items) {
        given.as<int>()[0] = 1;
        queue.get().as<int>()[1] = 2;
        items[0] = 3;
      },
      memory, list);

  child.start();
  child.join();

  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(memory.as<int>()[0], 1);
  EXPECT_EQ(memory.as<int>()[1], 2);
  EXPECT_EQ(list[0], 3);
  memory.unlink();
  list.shm().unlink();
}

TEST(SharedMemoryTravelTest, OneThatWasUnlinkedMeanwhileDoesNotArrive) {
  const SharedMemory memory({.create = true, .size = 100});
  const ShareableList list({1, 2});
  const Queue<SharedMemory> memories;
  const Queue<ShareableList> lists;
  memories.put(memory);
  lists.put(list);
  memory.unlink();
  list.shm().unlink();

  const auto error_of = [](const auto& queue) {
    try {
      (void)queue.get();
    } catch (const std::system_error& error) {
      return error.code().value();
    }
    return 0;
  };

  EXPECT_EQ(error_of(memories), ENOENT);
  EXPECT_EQ(error_of(lists), ENOENT);
}

TEST(SharedMemoryTravelTest, ManagerCanBeUsedByAChildAndOutlivesIt) {
  const SharedMemoryManager manager;
  manager.start();
  const Queue<std::string> names;
  Process child([&] { names.put(manager.SharedMemory(10).name()); });
  child.start();
  child.join();
  const std::string name = names.get();
  EXPECT_TRUE(is_there(name));

  manager.shutdown();

  EXPECT_FALSE(is_there(name));
}

TEST(SharedMemoryPythonTest, OpensWhatWeMadeAndLeavesItThere) {
  const SharedMemory memory(fresh_name(), true, 10);
  memory.buf()[3] = std::byte{42};
  Program python = Program::python();

  EXPECT_EQ(python.ask("open " + memory.name()), "10");
  EXPECT_EQ(python.ask("get " + memory.name() + " 3"), "42");
  EXPECT_EQ(python.ask("put " + memory.name() + " 4 43"), "ok");
  EXPECT_EQ(python.end(), 0);

  EXPECT_EQ(memory.buf()[4], std::byte{43});
  EXPECT_TRUE(is_there(memory.name()));
  memory.unlink();
}

TEST(SharedMemoryPythonTest, MakesWhatWeOpen) {
  const std::string name = fresh_name();
  Program python = Program::python();
  ASSERT_EQ(python.ask("create " + name + " 10"), "ok");
  ASSERT_EQ(python.ask("put " + name + " 9 7"), "ok");

  const SharedMemory memory(name);

  EXPECT_EQ(memory.size(), 10U);
  EXPECT_EQ(memory.buf()[9], std::byte{7});
  EXPECT_EQ(python.ask("unlink " + name), "ok");
  EXPECT_EQ(python.end(), 0);
  EXPECT_FALSE(is_there(name));
}

TEST(SharedMemoryPythonTest, ErrorsAreThoseOfTheOtherSide) {
  const SharedMemory memory(fresh_name(), true, 10);
  Program python = Program::python();

  EXPECT_EQ(python.ask("create " + memory.name() + " 10"), "errno 17");
  EXPECT_EQ(python.ask("open " + fresh_name()), "errno 2");
  memory.unlink();
  EXPECT_EQ(python.ask("open " + memory.name()), "errno 2");
}

TEST(ShareableListPythonTest, ReadsAndWritesWhatWeMade) {
  const ShareableList list({"howdy", -273.154, 100, nullptr, true, "", "xxxxxxxx", "\u00e9\u00e9",
                            ShareableItem::Bytes{std::byte{'b'}}});
  const std::string name = list.shm().name();
  Program python = Program::python();

  EXPECT_EQ(python.ask("repr " + name),
            "['howdy', -273.154, 100, None, True, '', 'xxxxxxxx', '\u00e9\u00e9', b'b']");
  EXPECT_EQ(python.ask("format " + name), list.format());
  EXPECT_EQ(python.ask("set " + name + " 0 'adios'"), "ok");
  EXPECT_EQ(python.ask("set " + name + " 2 None"), "ok");
  EXPECT_EQ(python.ask("set " + name + " 6 2.5"), "ok");

  EXPECT_EQ(list[0], "adios");
  EXPECT_TRUE(list[2].get().is_none());
  EXPECT_EQ(list[6], 2.5);
  EXPECT_EQ(python.end(), 0);
  list.shm().unlink();
}

TEST(ShareableListPythonTest, MakesTheSameBytesOfTheSameItems) {
  const std::string name = fresh_name();
  Program python = Program::python();
  ASSERT_EQ(python.ask("make_list " + name +
                       " ['howdy', b'HoWdY', -273.154, 100, None, True, False, 42, '', 'xxxxxxxx', "
                       "'\u00e9\u00e9\u00e9\u00e9', -1]"),
            "ok");
  const ShareableList theirs(nullptr, {.name = name});
  const ShareableList ours(theirs, {});

  EXPECT_EQ(theirs[10], "\u00e9\u00e9\u00e9\u00e9");
  const auto a = theirs.shm().buf();
  const auto b = ours.shm().buf();
  EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end()));
  theirs[7] = "text";
  EXPECT_EQ(python.ask("repr " + name),
            "['howdy', b'HoWdY', -273.154, 100, None, True, False, 'text', '', 'xxxxxxxx', "
            "'\u00e9\u00e9\u00e9\u00e9', -1]");
  EXPECT_EQ(python.ask("unlink " + name), "ok");
  ours.shm().unlink();
}

}  // namespace
}  // namespace multiprocessing
