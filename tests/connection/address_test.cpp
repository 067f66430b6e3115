// Addresses: what they mean, how they print, and which are none.

#include <multiprocessing/connection.hpp>
#include <multiprocessing/errors.hpp>

#include <gtest/gtest.h>

#include <cstring>
#include <sstream>
#include <string>

#include "wire/round_trip.hpp"

namespace multiprocessing {
namespace {

std::string printed(const Address& address) {
  std::ostringstream text;
  text << address;
  return text.str();
}

TEST(AddressTest, TypeOfAnAddressIsItsFamily) {
  EXPECT_EQ(Address("/tmp/x").family(), "AF_UNIX");
  EXPECT_EQ(Address("\0x").family(), "AF_UNIX");
  EXPECT_EQ(Address("localhost", 6000).family(), "AF_INET");
  EXPECT_EQ(Address("::1", 6000).family(), "AF_INET6");
  EXPECT_EQ(address_type(Address("localhost", 6000)), "AF_INET");
}

TEST(AddressTest, PartsComeBackAsTheyWent) {
  const Address host("localhost", 6000);
  EXPECT_EQ(host.host(), "localhost");
  EXPECT_EQ(host.port(), 6000);
  EXPECT_EQ(host.path(), "");
  EXPECT_EQ(Address("/tmp/x").path(), "/tmp/x");
}

TEST(AddressTest, AbstractNameFromALiteralCountsToItsLastByte) {
  EXPECT_EQ(Address("\0a\0b").path(), std::string("\0a\0b", 4));
  EXPECT_EQ(Address(std::string("\0a", 2)).path(), std::string("\0a", 2));
}

TEST(AddressTest, PathInAnArrayEndsAtItsNul) {
  char array[32] = "/tmp/x";
  const char* const pointer = array;

  EXPECT_EQ(Address(array), Address("/tmp/x"));
  EXPECT_EQ(Address(pointer), Address("/tmp/x"));
}

TEST(AddressTest, PrintsAsPythonDoes) {
  EXPECT_EQ(printed({"localhost", 6000}), "('localhost', 6000)");
  EXPECT_EQ(printed("/tmp/x"), "/tmp/x");
  EXPECT_EQ(printed("\0it's\\ a \x7f\n"), "b'\\x00it\\'s\\\\ a \\x7f\\x0a'");
  EXPECT_EQ(printed({}), "");
}

TEST(AddressTest, WindowsPipeIsNoFamilyHere) {
  EXPECT_THROW(Address(R"(\\.\pipe\test)"), ValueError);
  EXPECT_THROW(Listener(R"(\\.\test)"), ValueError);
}

TEST(AddressTest, NulInsideAPathOrHostIsRefused) {
  EXPECT_THROW(Address(std::string("/tmp/\0x", 7)), ValueError);
  EXPECT_THROW(Address(std::string("local\0host", 10), 6000), ValueError);
}

TEST(AddressTest, EqualityAndHashAreOfTheParts) {
  EXPECT_EQ(Address("h", 1), Address("h", 1));
  EXPECT_NE(Address("h", 1), Address("h", 2));
  EXPECT_NE(Address("h", 1), Address("h"));
  EXPECT_EQ(std::hash<Address>{}(Address("h", 1)), std::hash<Address>{}(Address("h", 1)));
}

TEST(AddressTest, ArbitraryAddressIsOfTheFamilyAskedFor) {
  EXPECT_EQ(arbitrary_address("AF_INET"), Address("localhost", 0));
  EXPECT_EQ(arbitrary_address("AF_INET6"), Address("::1", 0));
  EXPECT_NE(arbitrary_address("AF_UNIX"), arbitrary_address("AF_UNIX"));
  EXPECT_THROW(static_cast<void>(arbitrary_address("AF_PIPE")), ValueError);
}

TEST(AddressTest, TravelsAsAValue) {
  for (const Address& address : {Address("/tmp/x"), Address("\0x"), Address("localhost", 6000),
                                 Address("::1", 6000), Address()}) {
    EXPECT_EQ(test::decoded<Address>(test::encoded(address)), address) << address;
  }
}

}  // namespace
}  // namespace multiprocessing
