// Records, their levels, where they go. Each test runs as a program of its own.

#include <multiprocessing/logging.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/threading.hpp>

#include <algorithm>
#include <cstdlib>
#include <ranges>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "process/each_start_method.hpp"
#include "process/gate.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

using test::output_of;
using test::require;

constexpr int kStandardError = 2;

TEST(LoggingTest, NothingIsLoggedUntilSomebodyAsksForIt) {
  EXPECT_EQ(output_of(kStandardError, [] { log(LogLevel::critical, "unheard"); }), "");
}

TEST(LoggingTest, LevelFilters) {
  EXPECT_EQ(output_of(kStandardError,
                      [] {
                        log_to_stderr(LogLevel::warning);
                        require(log_level() == LogLevel::warning);
                        log(LogLevel::info, "nothing will be printed");
                        log(LogLevel::warning, "this will be printed");
                        set_log_level(LogLevel::debug);
                        log(LogLevel::debug, "and this");
                      }),
            "[WARNING/MainProcess] this will be printed\n[DEBUG/MainProcess] and this\n");
}

TEST(LoggingTest, LevelsHavePythonsNames) {
  EXPECT_EQ(level_name(LogLevel::info), "INFO");
  EXPECT_EQ(level_name(LogLevel::subwarning), "SUBWARNING");
  EXPECT_EQ(level_name(static_cast<LogLevel>(7)), "Level 7");
}

TEST(LoggingTest, ChildInheritsTheLevelAndSaysWhoItIs) {
  EXPECT_EQ(output_of(kStandardError,
                      [] {
                        log_to_stderr();
                        Process child({.name = "talker"}, [] {
                          require(log_level() == LogLevel::info);
                          log(LogLevel::info, "here");
                        });
                        child.start();
                        child.join();
                      }),
            "[INFO/talker] child process calling self.run()\n"
            "[INFO/talker] here\n"
            "[INFO/talker] process exiting with exitcode 0\n");
}

TEST(LoggingTest, HandlerGetsTheRecordWithTheCallersFile) {
  std::vector<LogRecord> records;
  set_log_handler([&records](const LogRecord& record) { records.push_back(record); });
  log(LogLevel::info, "text");
  log(LogLevel::debug, "below the handler's level");
  set_log_handler({});
  log(LogLevel::critical, "unheard");
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].text, "text");
  EXPECT_EQ(records[0].level, LogLevel::info);
  EXPECT_EQ(records[0].process, "MainProcess");
  EXPECT_EQ(records[0].pid, ::getpid());
  EXPECT_NE(records[0].file.find("logging_test.cpp"), std::string::npos);
  EXPECT_NE(records[0].line, 0U);
}

TEST(LoggingTest, CollectorGetsTheRecordsOfTheWholeFamilyInOrder) {
  EXPECT_EQ(output_of(kStandardError,
                      [] {
                        static std::vector<std::string> texts;
                        set_log_handler(
                            [](const LogRecord& record) {
                              if (record.process != "MainProcess") texts.push_back(record.text);
                            },
                            {.collect = true, .level = LogLevel::warning});
                        for (int i = 0; i < 3; ++i) {
                          Process child([i] {
                            for (int k = 0; k < 100; ++k) {
                              log(LogLevel::warning,
                                  std::to_string(i) + "." + std::to_string(k + 100));
                            }
                          });
                          child.start();
                          child.join();
                        }
                        set_log_handler({});  // all that was said is delivered
                        require(texts.size() == 300);
                        for (const char process : {'0', '1', '2'}) {
                          auto of_one = texts | std::views::filter([&](const std::string& text) {
                                          return text.front() == process;
                                        });
                          require(std::ranges::distance(of_one) == 100);
                          require(std::ranges::is_sorted(of_one));
                        }
                      }),
            "")
      << "the library's own thread is no reason to warn of a fork";
}

TEST(LoggingTest, CollectorDeliversAtExitWhatChildrenSaidLast) {
  const std::string output = output_of(kStandardError, [] {
    set_log_handler([](const LogRecord& record) { std::cerr << record.text << std::flush; },
                    {.collect = true, .level = LogLevel::warning});
    Process([] { log(LogLevel::warning, "the end"); }).start();
  });
  EXPECT_EQ(output, "the end");
}

// Also for children that were not forked from the process that asked for it.
class LoggingMethodTest : public test::EachStartMethod {};

INSTANTIATE_TEST_SUITE_P(Methods, LoggingMethodTest, test::each_start_method(),
                         test::name_of_method);

void say_here() {
  log(LogLevel::info, "here");
  log(LogLevel::debug, "too much");
}

TEST_P(LoggingMethodTest, ChildAndItsChildInheritTheLevel) {
  EXPECT_EQ(output_of(kStandardError,
                      [] {
                        log_to_stderr(LogLevel::subwarning);
                        set_log_level(LogLevel::info);
                        auto child = ctx().Process([] {
                          require(log_level() == LogLevel::info);
                          auto grandchild = get_context().Process(say_here);
                          grandchild.set_name("listener");
                          grandchild.start();
                          grandchild.join();
                        });
                        child.set_name("talker");
                        child.start();
                        child.join();
                      }),
            "[INFO/talker] child process calling self.run()\n"
            "[INFO/listener] child process calling self.run()\n"
            "[INFO/listener] here\n"
            "[INFO/listener] process exiting with exitcode 0\n"
            "[INFO/talker] process exiting with exitcode 0\n");
}

TEST_P(LoggingMethodTest, CollectorGetsTheRecordsOfTheWholeFamily) {
  EXPECT_EQ(output_of(kStandardError,
                      [] {
                        static std::vector<std::string> texts;
                        set_log_handler(
                            [](const LogRecord& record) { texts.push_back(record.text); },
                            {.collect = true});
                        auto child = ctx().Process(say_here);
                        child.start();
                        child.join();
                        set_log_handler({});
                        require(std::ranges::count(texts, "here") == 1);
                        require(std::ranges::count(texts, "child process calling self.run()") == 1);
                        require(std::ranges::count(texts, "too much") == 0);
                      }),
            "");
}

TEST(LoggingTest, VariableIsAsGoodAsACall) {
  // Read at load: so it is given to a program of its own.
  const auto said = [](const std::string& level) {
    return output_of(kStandardError, [&] {
      ::setenv("MULTIPROCESSING_LOG", level.c_str(), 1);
      ::execl("/proc/self/exe", "logging_test", "--gtest_filter=LoggingTest.ProgramSaysOneThing",
              "--gtest_brief=1", nullptr);
    });
  };
  EXPECT_EQ(said("info"), "[INFO/MainProcess] one thing\n");
  EXPECT_EQ(said("error"), "");
  EXPECT_NE(said("loud").find("MULTIPROCESSING_LOG=loud is none of debug"), std::string::npos);
}

// The program that the test above runs; without the variable it says nothing.
TEST(LoggingTest, ProgramSaysOneThing) {
  log(LogLevel::info, "one thing");
}

}  // namespace
}  // namespace multiprocessing
