// Handles that programs which did not start each other have from a manager.

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <mutex>
#include <string>
#include <system_error>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/connection.hpp>
#include <multiprocessing/managers.hpp>
#include <multiprocessing/process.hpp>

#include "manager/programs.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::error_of;
using test::exited;
using test::Programs;
using test::require;

void with_jobs(const BaseManager& manager) {
  manager.register_type<Queue<int>>("jobs");
}

void expect_error(const Programs& programs, const std::function<void(const BaseManager&)>& call,
                  const std::vector<std::string>& parts) {
  auto child = programs.start([&](const BaseManager& manager) {
    const std::string error = error_of([&] { call(manager); });
    for (const std::string& part : parts) {
      if (error.find(part) == std::string::npos) {
        std::cerr << "'" << part << "' is not in: " << error << '\n';
        require(false);
      }
    }
  });
  EXPECT_EQ(child.wait(), exited(0));
}

struct Place {
  std::string name;
  Address (*make)();
  friend void PrintTo(const Place& place, std::ostream* out) { *out << place.name; }
};

class BaseManagerAddressTest : public testing::TestWithParam<Place> {};

TEST_P(BaseManagerAddressTest, QueueIsSharedThroughTheArena) {
  Programs programs(GetParam().make());
  programs.serve(with_jobs);
  programs.run([](const BaseManager& manager) {
    require(manager.shares_memory());
    const auto jobs = manager.get<Queue<int>>("jobs");
    for (int i = 0; i < 1000; ++i) jobs.put(i);
  });
  programs.run([](const BaseManager& manager) {
    const auto jobs = manager.get<Queue<int>>("jobs");
    for (int i = 0; i < 1000; ++i) require(jobs.get(10s) == i);
    require(jobs.empty());
  });
}

TEST_P(BaseManagerAddressTest, AddressIsServedAgainAtOnce) {
  Programs programs(GetParam().make());
  for (int i = 0; i < 3; ++i) {
    programs.serve(with_jobs);
    programs.run([](const BaseManager& manager) { manager.get<Queue<int>>("jobs").put(1); });
    programs.server().kill(SIGKILL);
    static_cast<void>(programs.server().wait());
  }
}

// Tells its pid, and stays for as long as a test may take.
void leave_a_child(int pids) {
  if (::fork() != 0) return;
  ::alarm(60);
  const pid_t own = ::getpid();
  require(::write(pids, &own, sizeof own) == sizeof own);
  for (;;) ::pause();
}

TEST_P(BaseManagerAddressTest, AddressIsFreeThoughAChildOfTheManagerLives) {
  std::array<int, 2> pids{};
  ASSERT_EQ(::pipe2(pids.data(), O_CLOEXEC), 0);
  Programs programs(GetParam().make());
  programs.serve([&pids](const BaseManager& manager) {
    manager.register_type<Queue<int>>("jobs", [&pids] {
      leave_a_child(pids[1]);
      return Queue<int>();
    });
  });
  programs.run([](const BaseManager& manager) { manager.get<Queue<int>>("jobs").put(1); });
  pid_t child = 0;
  ASSERT_EQ(::read(pids[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
  programs.server().kill(SIGKILL);
  static_cast<void>(programs.server().wait());

  programs.serve(with_jobs);
  programs.run([](const BaseManager& manager) { manager.get<Queue<int>>("jobs").put(1); });

  EXPECT_EQ(::kill(child, SIGKILL), 0) << "the child has ended, so this shows nothing";
  for (const int end : pids) ::close(end);
}

INSTANTIATE_TEST_SUITE_P(Addresses, BaseManagerAddressTest,
                         testing::Values(Place{"Path", &Programs::fresh_path},
                                         Place{"Name", &Programs::fresh_name},
                                         Place{"Port", &Programs::some_port}),
                         [](const auto& place) { return place.param.name; });

TEST(BaseManagerTest, EveryKindOfHandleIsShared) {
  Programs programs;
  programs.serve([](const BaseManager& manager) {
    manager.register_type<Lock>("lock");
    manager.register_type<Event>("event");
    manager.register_type<Barrier>("barrier", [] { return Barrier(2); });
    manager.register_type<Dict<std::string, List<int>>>("dict");
    manager.register_type<Value<int>>("value");
    manager.register_type<JoinableQueue<std::string>>("queue");
    manager.register_type<Namespace>("names");
    manager.register_type<Semaphore>("semaphore");
  });
  auto other = programs.start([](const BaseManager& manager) {
    const auto event = manager.get<Event>("event");
    require(event.wait(10s));
    const auto dict = manager.get<Dict<std::string, List<int>>>("dict");
    const List<int> list = dict.at("numbers");
    require(list.size() == 3 && list[2] == 3);
    require(manager.get<Namespace>("names").get<std::string>("greeting") == "hello");
    const auto queue = manager.get<JoinableQueue<std::string>>("queue");
    require(queue.get(10s) == "a job");
    queue.task_done();
    const auto lock = manager.get<Lock>("lock");
    const auto value = manager.get<Value<int>>("value");
    for (int i = 0; i < 1000; ++i) {
      const std::lock_guard guard(lock);
      value.set(value.get() + 1);
    }
  });
  programs.run([](const BaseManager& manager) {
    List<int> list;
    list.extend(std::vector{1, 2, 3});
    manager.get<Dict<std::string, List<int>>>("dict").set("numbers", list);
    manager.get<Namespace>("names").set("greeting", std::string("hello"));
    const auto queue = manager.get<JoinableQueue<std::string>>("queue");
    queue.put("a job");
    manager.get<Event>("event").set();
    require(queue.join(10s));
    const auto lock = manager.get<Lock>("lock");
    const auto value = manager.get<Value<int>>("value");
    for (int i = 0; i < 1000; ++i) {
      const std::lock_guard guard(lock);
      value.set(value.get() + 1);
    }
  });
  EXPECT_EQ(other.wait(), exited(0));
  programs.run(
      [](const BaseManager& manager) { require(manager.get<Value<int>>("value").get() == 2000); });
}

TEST(BaseManagerTest, FactoryGetsTheArguments) {
  Programs programs;
  programs.serve([](const BaseManager& manager) {
    manager.register_type<List<std::string>>("list", [](const std::string& word, int times) {
      List<std::string> list;
      for (int i = 0; i < times; ++i) list.append(word);
      return list;
    });
  });
  programs.run([](const BaseManager& manager) {
    const auto list = manager.get<List<std::string>>("list", "word", 3);
    require(list.size() == 3 && list[0] == "word");
    require(manager.get<List<std::string>>("list", "other", 1).size() == 1);
  });
  expect_error(programs,
               [](const BaseManager& manager) {
                 static_cast<void>(manager.get<List<std::string>>("list", 1.5));
               },
               {"ValueError", "'list'", "(std::string, int)", "(double)"});
}

TEST(BaseManagerTest, FactoryErrorArrivesAsItsOwnType) {
  Programs programs;
  programs.serve([](const BaseManager& manager) {
    manager.register_type<Queue<int>>("jobs",
                                      []() -> Queue<int> { throw KeyError("no such jobs"); });
  });
  expect_error(
      programs,
      [](const BaseManager& manager) { static_cast<void>(manager.get<Queue<int>>("jobs")); },
      {"KeyError", "no such jobs"});
}

TEST(BaseManagerTest, ObjectGoesWithItsLastHolder) {
  Programs programs;
  programs.serve([](const BaseManager& manager) {
    manager.register_type<Queue<int>>("fresh", [] { return Queue<int>(); });
    manager.register_type<Queue<Queue<int>>>("box");
  });
  programs.run([](const BaseManager& manager) {
    const auto fresh = manager.get<Queue<int>>("fresh");
    fresh.put(42);
    manager.get<Queue<Queue<int>>>("box").put(fresh);
  });
  programs.run([](const BaseManager& manager) {
    const Queue<int> kept = manager.get<Queue<Queue<int>>>("box").get(10s);
    require(kept.get(10s) == 42);
    require(manager.get<Queue<int>>("fresh").empty());
  });
}

TEST(BaseManagerTest, ChildOfAClientIsConnectedToo) {
  Programs programs;
  programs.serve(with_jobs);
  programs.run([](const BaseManager& manager) {
    const auto jobs = manager.get<Queue<int>>("jobs");
    Process child([manager, jobs] {
      jobs.put(1);
      manager.get<Queue<int>>("jobs").put(2);
    });
    child.start();
    require(jobs.get(10s) == 1 && jobs.get(10s) == 2);
    require(child.join() && child.exitcode() == 0);
    manager.get<Queue<int>>("jobs").put(3);
    require(jobs.get(10s) == 3);
  });
}

TEST(BaseManagerTest, DescriptorsTravelBetweenPrograms) {
  Programs programs;
  programs.serve([](const BaseManager& manager) {
    manager.register_type<Queue<FileDescriptor>>("files");
    manager.register_type<Queue<Connection>>("ends");
  });
  auto other = programs.start([](const BaseManager& manager) {
    const FileDescriptor file = manager.get<Queue<FileDescriptor>>("files").get(10s);
    require(::write(file.fileno(), "x", 1) == 1);
    const Connection end = manager.get<Queue<Connection>>("ends").get(10s);
    end.send(std::string("through a pipe"));
  });
  programs.run([](const BaseManager& manager) {
    int ends[2];
    require(::pipe(ends) == 0);
    manager.get<Queue<FileDescriptor>>("files").put(FileDescriptor(ends[1]));
    char byte = 0;
    require(::read(ends[0], &byte, 1) == 1 && byte == 'x');
    auto [ours, theirs] = Pipe();
    manager.get<Queue<Connection>>("ends").put(theirs);
    theirs.close();
    require(ours.recv<std::string>(10s) == "through a pipe");
    require(error_of([&, here = ours] {
              static_cast<void>(here.recv<int>(10s));
            }).starts_with("EOFError"));
  });
  EXPECT_EQ(other.wait(), exited(0));
}

TEST(BaseManagerErrorTest, WrongKeyIsRefused) {
  Programs programs;
  programs.serve(with_jobs);
  const std::string error =
      error_of([&] { BaseManager(programs.address(), {.authkey = "another"}).connect(); });
  EXPECT_TRUE(error.starts_with("AuthenticationError")) << error;
  const std::string without = error_of([&] { BaseManager(programs.address()).connect(); });
  EXPECT_TRUE(without.starts_with("AuthenticationError")) << without;
  programs.run([](const BaseManager& manager) { manager.get<Queue<int>>("jobs").put(1); });
}

TEST(BaseManagerErrorTest, NobodyListens) {
  const Programs programs;
  const std::string error = error_of([&] { programs.manager().connect(); });
  EXPECT_NE(error.find("connect"), std::string::npos) << error;
  EXPECT_NE(error.find(programs.address().path()), std::string::npos) << error;
}

TEST(BaseManagerErrorTest, NameThatIsNotRegistered) {
  Programs programs;
  programs.serve(with_jobs);
  expect_error(
      programs,
      [](const BaseManager& manager) { static_cast<void>(manager.get<Queue<int>>("job")); },
      {"ValueError", "'job' is not registered", "'jobs'", "Queue<int>"});
}

TEST(BaseManagerErrorTest, TypeThatDiffersNamesBoth) {
  Programs programs;
  programs.serve(with_jobs);
  expect_error(
      programs,
      [](const BaseManager& manager) { static_cast<void>(manager.get<Queue<long>>("jobs")); },
      {"ValueError", "'jobs'", "Queue<int>", "Queue<long>"});
  expect_error(programs,
               [](const BaseManager& manager) { static_cast<void>(manager.get<Lock>("jobs")); },
               {"ValueError", "'jobs'", "Queue<int>", "Lock"});
}

TEST(BaseManagerErrorTest, ConnectAfterOwnUseSaysWhatToDo) {
  Programs programs;
  programs.serve(with_jobs);
  auto late = test::Child::run([&] {
    const Queue<int> own;
    const BaseManager manager = programs.manager();
    manager.connect();
    require(!manager.shares_memory());
    const std::string error = error_of([&] { static_cast<void>(manager.get<Queue<int>>("jobs")); });
    require(error.starts_with("TransferError: 'jobs', a multiprocessing::Queue<int>,") ||
            error.starts_with("TransferError: 'jobs', a Queue<int>,"));
    require(error.find("let connect() come before") != std::string::npos);
    own.put(1);
    require(own.get() == 1);
  });
  EXPECT_EQ(late.wait(), exited(0));
  programs.run(
      [](const BaseManager& manager) { require(manager.get<Queue<int>>("jobs").empty()); });
}

TEST(BaseManagerErrorTest, WrongOrderIsAProcessError) {
  Programs programs;
  const BaseManager manager = programs.manager();
  EXPECT_TRUE(error_of([&] {
                static_cast<void>(manager.get<Queue<int>>("jobs"));
              }).starts_with("ProcessError"));
  EXPECT_TRUE(error_of([&] { manager.shutdown(); }).starts_with("ProcessError"));
  EXPECT_TRUE(error_of([&] { manager.join(); }).starts_with("ProcessError"));
  programs.serve(with_jobs);
  manager.connect();
  EXPECT_TRUE(error_of([&] { manager.start(); }).starts_with("ProcessError"));
  EXPECT_TRUE(
      error_of([&] { static_cast<void>(manager.get_server()); }).starts_with("ProcessError"));
  EXPECT_TRUE(error_of([&] { manager.shutdown(); }).starts_with("ProcessError"));
}

TEST(BaseManagerErrorTest, ServerIsOfTheProcessThatMadeIt) {
  const BaseManager manager(Programs::fresh_path(), {.authkey = "secret"});
  const Server server = manager.get_server();
  auto child = test::Child::run([&] {
    require(error_of([&] { server.serve_forever(); }).starts_with("ProcessError: the manager is"));
  });
  EXPECT_EQ(child.wait(), exited(0));
}

TEST(BaseManagerErrorTest, NameIsRegisteredOnce) {
  const BaseManager manager;
  with_jobs(manager);
  EXPECT_EQ(error_of([&] { with_jobs(manager); }), "ValueError: 'jobs' is registered already");
}

TEST(BaseManagerErrorTest, AddressInUseIsNotTaken) {
  Programs programs;
  programs.serve(with_jobs);
  const BaseManager second = programs.manager();
  try {
    static_cast<void>(second.get_server());
    FAIL() << "two managers at one address";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), EADDRINUSE);
  }
  programs.run([](const BaseManager& manager) { manager.get<Queue<int>>("jobs").put(1); });
}

TEST(BaseManagerErrorTest, FileThatIsNoSocketIsLeftAlone) {
  const Programs programs;
  const std::string path = programs.address().path();
  std::ofstream(path) << "precious";
  EXPECT_THROW(static_cast<void>(programs.manager().get_server()), std::system_error);
  std::string text;
  std::ifstream(path) >> text;
  EXPECT_EQ(text, "precious");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace multiprocessing
