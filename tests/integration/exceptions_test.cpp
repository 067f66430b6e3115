// What a task throws arrives in the caller as what it is.

#include <stdexcept>
#include <string>
#include <system_error>

#include <gtest/gtest.h>

#include <multiprocessing/errors.hpp>
#include <multiprocessing/pool.hpp>
#include <multiprocessing/process.hpp>

namespace parts {

class OutOfStock : public std::runtime_error {
 public:
  explicit OutOfStock(const std::string& what) : std::runtime_error(what) {}
};

}  // namespace parts

MULTIPROCESSING_EXCEPTION(parts::OutOfStock);

namespace multiprocessing {
namespace {

[[noreturn]] void throw_one(int kind) {
  switch (kind) {
    case 0:
      throw std::out_of_range("no such page");
    case 1:
      throw std::system_error(ENOSPC, std::generic_category(), "write");
    case 2:
      throw KeyError("'hermione'");
    case 3:
      throw parts::OutOfStock("bolts");
    default:
      throw 42;
  }
}

int throw_at(int item, int bad) {
  if (item == bad) throw_one(item);
  return item;
}

class ExceptionsTest : public testing::Test {
 protected:
  // What `kind` arrives as, from a task alone.
  template <class E>
  E arrived(int kind) {
    try {
      pool_.apply(throw_one, kind);
    } catch (const E& error) {
      return error;
    }
    throw std::logic_error("the task threw nothing");
  }

  Pool pool_{2};
};

TEST_F(ExceptionsTest, OfTheStandardLibraryArriveAsTheirOwnTypes) {
  EXPECT_STREQ(arrived<std::out_of_range>(0).what(), "no such page");
  EXPECT_EQ(arrived<std::system_error>(1).code(), std::errc::no_space_on_device);
}

TEST_F(ExceptionsTest, OfThisLibraryArriveAsTheirOwnTypes) {
  EXPECT_STREQ(arrived<KeyError>(2).what(), "'hermione'");
}

TEST_F(ExceptionsTest, OfTheUserArriveAsTheirOwnTypesIfListed) {
  EXPECT_STREQ(arrived<parts::OutOfStock>(3).what(), "bolts");
}

TEST_F(ExceptionsTest, OfOtherTypesArriveAsRemoteErrors) {
  EXPECT_EQ(arrived<RemoteError>(4).type_name(), "int");
}

TEST_F(ExceptionsTest, FromAMapFailTheMapAndLeaveThePoolUsable) {
  EXPECT_THROW(pool_.map(partial(throw_at, 3), range(10)), parts::OutOfStock);

  EXPECT_EQ(pool_.apply(throw_at, 5, 6), 5);
}

TEST_F(ExceptionsTest, CarryTheTracebackOfTheWorker) {
  std::string traceback;
  try {
    pool_.apply(throw_one, 2);
  } catch (...) {
    traceback = remote_traceback(std::current_exception());
  }

  EXPECT_NE(traceback.find("PoolWorker"), std::string::npos) << traceback;
  EXPECT_NE(traceback.find("KeyError"), std::string::npos) << traceback;
}

}  // namespace
}  // namespace multiprocessing
