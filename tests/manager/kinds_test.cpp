// A program that names nothing but a BaseManager can tidy up after all others of its family. In a
// program of its own: what others name is linked, too.

#include <gtest/gtest.h>

#include <multiprocessing/managers.hpp>

#include "shm/object.hpp"

namespace multiprocessing {
namespace {

TEST(ManagerKindsTest, ProgramWithAManagerKnowsEveryKindOfObject) {
  const BaseManager manager;
  using enum shm::ObjectKind;
  for (const auto kind : {lock, rlock, semaphore, condition, event, barrier, value, array, shared,
                          queue, dict, list, connection, pool, bell, descriptor}) {
    EXPECT_TRUE(shm::knows_kind(kind)) << static_cast<int>(kind);
  }
}

}  // namespace
}  // namespace multiprocessing
