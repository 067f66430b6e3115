// Types told apart and named.

#include <multiprocessing/detail/codec.hpp>

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace multiprocessing {
namespace {

using detail::type_id;
using detail::type_name;

struct Celsius {
  double degrees;
};
struct Fahrenheit {
  double degrees;
};
struct Loop {
  std::vector<Loop> loops;
};

TEST(SchemaTest, TypesThatReadEachOthersBytesAlikeHaveOneId) {
  EXPECT_EQ(type_id<long>(), type_id<long long>());
  EXPECT_EQ(type_id<const int>(), type_id<int>());
  EXPECT_EQ((type_id<std::pair<int, int>>()), (type_id<std::tuple<int, int>>()));
}

TEST(SchemaTest, UnlikeTypesHaveUnlikeIds) {
  EXPECT_NE(type_id<int>(), type_id<unsigned>());
  EXPECT_NE(type_id<int>(), type_id<long>());
  EXPECT_NE(type_id<int>(), type_id<float>());
  EXPECT_NE(type_id<std::vector<int>>(), type_id<std::vector<char>>());
  EXPECT_NE((type_id<std::map<int, std::string>>()), (type_id<std::map<std::string, int>>()));
  EXPECT_NE((type_id<std::variant<int, char>>()), (type_id<std::variant<int, char, bool>>()));
  EXPECT_NE((type_id<std::array<int, 2>>()), (type_id<std::array<int, 3>>()));
}

TEST(SchemaTest, StructsOfEqualFieldsAreToldApartByName) {
  EXPECT_NE(type_id<Celsius>(), type_id<Fahrenheit>());
}

TEST(SchemaTest, StructThatContainsItselfHasAnId) {
  EXPECT_NE(type_id<Loop>(), 0U);
}

TEST(SchemaTest, NamesAreAsPeopleWriteThem) {
  EXPECT_EQ(type_name<int>(), "int");
  EXPECT_EQ(type_name<std::string>(), "std::string");
  EXPECT_EQ((type_name<std::map<std::string, std::vector<int>>>()),
            "std::map<std::string, std::vector<int>>");
  EXPECT_EQ((type_name<std::unique_ptr<std::optional<int>>>()),
            "std::unique_ptr<std::optional<int>>");
}

}  // namespace
}  // namespace multiprocessing
