// What a user may get wrong is refused with a sentence that names it.

#include <cstddef>
#include <string>

#include <gtest/gtest.h>

#include <multiprocessing/errors.hpp>
#include <multiprocessing/pool.hpp>

#include "integration/family.hpp"

namespace multiprocessing {
namespace {

// What a program prints whose first use of the library fails, with one variable set.
std::string complaint(const std::string& variable, const std::string& value) {
  test::Family program("first_use", {variable + "=" + value});
  const std::string text = program.output();
  EXPECT_EQ(program.wait(), test::exited(3)) << "no ValueError for " << variable << "=" << value;
  return text;
}

TEST(BadInputTest, PoolOfNoProcessesThrowsValueError) {
  EXPECT_THROW(Pool(0), ValueError);
  EXPECT_THROW(Pool(-1), ValueError);
}

TEST(BadInputTest, ArenaBelowTheMinimumNamesVariableAndValue) {
  const std::string text = complaint("MULTIPROCESSING_ARENA_SIZE", "1M");

  EXPECT_NE(text.find("MULTIPROCESSING_ARENA_SIZE"), std::string::npos) << text;
  EXPECT_NE(text.find("1M"), std::string::npos) << text;
}

TEST(BadInputTest, UnreadableArenaSizeNamesVariableAndValue) {
  const std::string text = complaint("MULTIPROCESSING_ARENA_SIZE", "plenty");

  EXPECT_NE(text.find("MULTIPROCESSING_ARENA_SIZE"), std::string::npos) << text;
  EXPECT_NE(text.find("plenty"), std::string::npos) << text;
}

TEST(BadInputTest, UnreadableArenaLimitNamesVariableAndValue) {
  const std::string text = complaint("MULTIPROCESSING_ARENA_LIMIT", "-5");

  EXPECT_NE(text.find("MULTIPROCESSING_ARENA_LIMIT"), std::string::npos) << text;
  EXPECT_NE(text.find("-5"), std::string::npos) << text;
}

TEST(BadInputTest, SmallestArenaAllowedIsEnough) {
  test::Family program("first_use", {"MULTIPROCESSING_ARENA_SIZE=64M"});

  EXPECT_EQ(program.wait(), test::exited(0));
}

}  // namespace
}  // namespace multiprocessing
