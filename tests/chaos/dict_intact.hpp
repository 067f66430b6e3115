#pragma once

// What is true of a dict, and of what is made of one, once the dead are buried.

#include <gtest/gtest.h>

#include <multiprocessing/detail/handle.hpp>

#include "shared/dict_table.hpp"
#include "shm/object.hpp"
#include "support/chaos.hpp"

namespace multiprocessing::test {

/// Nothing is claimed, being changed or half done, in any bucket; what the dead left is repaired by
/// whoever uses a bucket next, so it has to have been cleared after the deaths.
inline void expect_at_rest(detail::HandleId id) {
  auto* object = shm::find_object(id.value, shm::ObjectKind::dict);
  ASSERT_NE(object, nullptr);
  const shared::Table table(*shm::payload<shared::DictState>(object));
  table.for_each_bucket([](std::uint32_t index, const shared::Bucket& bucket) {
    EXPECT_EQ(bucket.claim.load(), 0U) << index;
    EXPECT_EQ(bucket.version.load() % 2, 0U) << index;
    EXPECT_EQ(bucket.new_page.load() | bucket.new_record.load(), 0U) << index;
    EXPECT_EQ(bucket.old_page.load() | bucket.old_record.load(), 0U) << index;
    EXPECT_TRUE(shared::is_empty_page(bucket.page.load())) << index;
  });
}

}  // namespace multiprocessing::test
