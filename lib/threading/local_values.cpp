#include "threading/local_values.hpp"

#include <algorithm>
#include <mutex>
#include <vector>

#include <multiprocessing/detail/thread_local.hpp>

#include "threading/here.hpp"
#include "threading/registry.hpp"

namespace multiprocessing::threads {
namespace {

struct Entry {
  const LocalValues* table;
  std::weak_ptr<LocalValues> alive;
  void* value;
};

constinit thread_local bool ending = false;  // this thread's list is gone

std::shared_ptr<void> take(LocalValues& table) noexcept {
  const std::lock_guard guard(registry().lock);
  const auto place = table.by_thread.find(thread_token());
  if (place == table.by_thread.end()) return nullptr;
  std::shared_ptr<void> value = std::move(place->second);
  table.by_thread.erase(place);
  return value;
}

struct Mine {
  Mine() = default;
  Mine(const Mine&) = delete;
  Mine& operator=(const Mine&) = delete;
  ~Mine() {
    ending = true;
    for (const Entry& entry : entries) {
      if (const auto table = entry.alive.lock()) (void)take(*table);
    }
  }
  std::vector<Entry> entries;
};

Mine& mine() {
  thread_local Mine list;
  return list;
}

// A table may lie where one lay that has gone.
bool is_of(const Entry& entry, const LocalValues& table) noexcept {
  return entry.table == &table && !entry.alive.expired();
}

}  // namespace

LocalTable::LocalTable() : values_(std::make_shared<LocalValues>()) {}
LocalTable::~LocalTable() = default;

void* LocalTable::find() const noexcept {
  if (ending) {
    const std::lock_guard guard(registry().lock);
    const auto place = values_->by_thread.find(thread_token());
    return place != values_->by_thread.end() ? place->second.get() : nullptr;
  }
  for (const Entry& entry : mine().entries) {
    if (is_of(entry, *values_)) return entry.value;
  }
  return nullptr;
}

void* LocalTable::keep(std::shared_ptr<void> value) const {
  void* const raw = value.get();
  if (!ending) {
    auto& entries = mine().entries;
    std::erase_if(entries, [](const Entry& entry) { return entry.alive.expired(); });
    entries.push_back({values_.get(), values_, raw});
  }
  const std::lock_guard guard(registry().lock);
  values_->by_thread[thread_token()] = std::move(value);
  return raw;
}

void LocalTable::drop() const {
  if (!ending) {
    std::erase_if(mine().entries, [this](const Entry& entry) { return is_of(entry, *values_); });
  }
  (void)take(*values_);
}

}  // namespace multiprocessing::threads
