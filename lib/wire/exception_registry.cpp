#include <atomic>
#include <string_view>
#include <typeinfo>

#include "wire/exception_kinds.hpp"

namespace multiprocessing::detail {

// Entries are never freed: a reader may stand on one whose module is being unloaded.
struct ExceptionRegistration::Entry {
  ExceptionKind kind;
  std::atomic<bool> alive{true};
  Entry* next = nullptr;

  static std::atomic<Entry*>& first() {
    static std::atomic<Entry*> entry{nullptr};
    return entry;
  }
};

ExceptionRegistration::ExceptionRegistration(ExceptionKind kind) : entry_(new Entry{kind}) {
  auto& first = Entry::first();
  entry_->next = first.load(std::memory_order_relaxed);  // the exchange checks it
  while (!first.compare_exchange_weak(entry_->next, entry_, std::memory_order_release,
                                      std::memory_order_relaxed)) {  // [R]
  }
}

ExceptionRegistration::~ExceptionRegistration() {
  entry_->alive.store(false, std::memory_order_relaxed);  // the code behind it is still there
}

bool ExceptionRegistration::find(std::string_view name, ExceptionKind& found) {
  const Entry* entry = Entry::first().load(std::memory_order_acquire);  // [R]
  for (; entry != nullptr; entry = entry->next) {
    // relaxed: a module is not unloaded while an exception of it is on its way
    if (entry->alive.load(std::memory_order_relaxed) && name == entry->kind.type->name()) {
      found = entry->kind;
      return true;
    }
  }
  return false;
}

}  // namespace multiprocessing::detail

namespace multiprocessing::wire {

bool find_exception_kind(std::string_view name, detail::ExceptionKind& found) {
  if (detail::ExceptionRegistration::find(name, found)) return true;
  const detail::ExceptionKind* kind = built_in_exception_kinds();
  while (kind->type != nullptr && name != kind->type->name()) ++kind;
  if (kind->type != nullptr) found = *kind;
  return kind->type != nullptr;
}

}  // namespace multiprocessing::wire
