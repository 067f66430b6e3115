// Ends of connections under each start method: they arrive as arguments, and nobody else has them.

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <utility>

#include <multiprocessing/connection.hpp>
#include <multiprocessing/context.hpp>

#include "process/each_start_method.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

using ConnectionStartMethodTest = test::EachStartMethod;

INSTANTIATE_TEST_SUITE_P(Methods, ConnectionStartMethodTest, test::each_start_method(),
                         test::name_of_method);

void answer(const Connection& there) {
  there.send(there.recv<int>() + 1);
}

void answer_and_wait(const Connection& there) {
  answer(there);
  (void)there.poll({});
}

TEST_P(ConnectionStartMethodTest, AnEndArrivesAsAnArgument) {
  auto [here, there] = ctx().Pipe();
  auto child = ctx().Process(answer, there);
  child.start();
  there.close();
  here.send(41);
  EXPECT_EQ(here.recv<int>(20s), 42);
  EXPECT_THROW((void)here.recv<int>(20s), EOFError);
  EXPECT_TRUE(child.join(20s));
}

TEST_P(ConnectionStartMethodTest, TheEndComesWhenTheChildIsKilled) {
  auto [here, there] = ctx().Pipe();
  auto child = ctx().Process(answer_and_wait, there);
  child.start();
  there.close();
  here.send(1);
  EXPECT_EQ(here.recv<int>(20s), 2);
  child.kill();
  EXPECT_THROW((void)here.recv<int>(20s), EOFError);
  EXPECT_TRUE(child.join(20s));
}

}  // namespace
}  // namespace multiprocessing
