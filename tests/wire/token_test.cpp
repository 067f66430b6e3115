// Functions as tokens.

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/errors.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "wire/round_trip.hpp"

namespace multiprocessing {
namespace {

using test::decoded;
using test::encoded;
using test::round_trip;

int twice(int n) {
  return 2 * n;
}
int data = 0;

struct Shape {
  virtual ~Shape() = default;
  virtual int sides() const { return 0; }
  int twice_sides() const { return 2 * sides(); }
};
struct Square : Shape {
  int sides() const override { return 4; }
};

TEST(TokenTest, FunctionOfTheProgramIsFoundByItsToken) {
  const auto token = detail::token_of_function(&twice);

  EXPECT_EQ(detail::function_of_token<int(int)>(token)(21), 42);
}

TEST(TokenTest, FunctionOfASharedLibraryIsFoundByItsToken) {
  int (*const absolute)(int) = &std::abs;

  EXPECT_EQ(round_trip(absolute), absolute);
}

TEST(TokenTest, ModuleThatIsNotLoadedIsRefusedNamingBoth) {
  const auto here = detail::token_of_function(&twice);
  try {
    detail::address_of_token({0x1234, here.offset});
    FAIL();
  } catch (const TransferError& error) {
    EXPECT_NE(std::string(error.what()).find("0x1234"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("wire_"), std::string::npos) << error.what();
  }
}

TEST(TokenTest, TokenOfDataIsRefused) {
  const auto token = detail::token_of_address(&data);

  EXPECT_THROW(detail::address_of_token(token), TransferError);
}

TEST(TokenTest, NullPointerArrivesAsNull) {
  EXPECT_EQ(round_trip<int (*)(int)>(nullptr), nullptr);
  EXPECT_EQ(round_trip<int (Shape::*)() const>(nullptr), nullptr);
}

TEST(TokenTest, MemberFunctionPointersArriveVirtualOrNot) {
  const Square square;

  EXPECT_EQ((square.*round_trip(&Shape::sides))(), 4);
  EXPECT_EQ((square.*round_trip(&Shape::twice_sides))(), 8);
}

TEST(TokenTest, FunctionAtAnOddAddressTravelsAsATokenToo) {
  // Unoptimized code begins anywhere; any byte within a function will do, since nobody calls it.
  const auto even = reinterpret_cast<std::uintptr_t>(&twice) & ~std::uintptr_t{1};
  auto* const odd = reinterpret_cast<int (*)(int)>(even + 1);  // NOLINT(performance-no-int-to-ptr)

  EXPECT_EQ(encoded(odd).size(), encoded(&twice).size()) << "not as an address";
  EXPECT_EQ(round_trip(odd), odd);
}

TEST(TokenTest, FunctionFromAStrangerIsRefused) {
  EXPECT_THROW(decoded<int (*)(int)>(encoded(&twice), false), TransferError);
}

TEST(TokenTest, FunctionIsNamedEvenIfItsModuleDoesNotTell) {
  EXPECT_NE(detail::function_name(reinterpret_cast<const void*>(&twice)), "");
  EXPECT_NE(detail::function_name(reinterpret_cast<const void*>(&std::abort)).find("abort"),
            std::string::npos);
}

}  // namespace
}  // namespace multiprocessing
