// How a Process object travels to a child that is not forked.

#include <atomic>
#include <string>
#include <typeinfo>
#include <utility>

#include <multiprocessing/process.hpp>

#include "process/current.hpp"
#include "process/local.hpp"
#include "process/state.hpp"
#include "shm/process_table.hpp"
#include "wire/names.hpp"

namespace multiprocessing {
namespace detail {
namespace {

std::string readable(const std::type_info& type) {
  return wire::without_noise(wire::demangle(type.name()));
}

}  // namespace

// Entries are never freed: a reader may stand on one whose module is being unloaded.
//
// Ordering. Each pair is named where it is used.
//   [L] list (release) -> find (acquire)   the entry is complete
struct ProcessListing::Entry {
  ProcessKind kind;
  std::atomic<bool> alive{true};
  Entry* next = nullptr;

  static std::atomic<Entry*>& first() noexcept {
    static constinit std::atomic<Entry*> entry{nullptr};
    return entry;
  }
};

ProcessListing::ProcessListing(const ProcessKind& kind) : entry_(new Entry{.kind = kind}) {
  auto& first = Entry::first();
  entry_->next = first.load(std::memory_order_relaxed);  // the exchange checks it
  while (!first.compare_exchange_weak(entry_->next, entry_, std::memory_order_release,
                                      std::memory_order_relaxed)) {  // [L]
  }
}

ProcessListing::~ProcessListing() {
  entry_->alive.store(false, std::memory_order_relaxed);  // the code behind it is still there
}

const ProcessKind* ProcessListing::find(const std::type_info& type) noexcept {
  const Entry* entry = Entry::first().load(std::memory_order_acquire);  // [L]
  for (; entry != nullptr; entry = entry->next) {
    // relaxed: a module is not unloaded while an object of its classes is being started
    if (entry->alive.load(std::memory_order_relaxed) && *entry->kind.type == type) {
      return &entry->kind;
    }
  }
  return nullptr;
}

std::unique_ptr<Target> Target::decode(Reader& in) {
  return function_of_token<Maker>(decode_token(in))(in);
}

void throw_target_stays(const std::type_info& type, std::size_t argument) {
  if (argument == 0) {
    throw TransferError("the target of this process, " + readable(type) +
                        ", cannot be transferred, as start methods spawn and forkserver need it: "
                        "pass a function or a lambda without captures with its arguments, "
                        "partial(f, args...), or by_value(lambda)");
  }
  throw TransferError("argument " + std::to_string(argument) + " of this process, of type " +
                      readable(type) +
                      ", cannot be transferred, as start methods spawn and forkserver need it: "
                      "pass a transferable value, or a handle such as Queue or Value");
}

}  // namespace detail

using detail::ProcessKind;
using detail::ProcessListing;

void ChildAccess::encode(const Process& process, detail::Writer& out) {
  const std::type_info& type = typeid(process);
  const bool derived = type != typeid(Process);
  out.plain(derived);
  if (derived) {
    const ProcessKind* const kind = ProcessListing::find(type);
    if (kind == nullptr) {
      const std::string name = detail::readable(type);
      throw TransferError(
          "start methods spawn and forkserver need to make the object anew: write "
          "MULTIPROCESSING_PROCESS(" +
          name + ") at namespace scope, with the data members that " + name +
          " has, to list this subclass of Process");
    }
    detail::encode_token(out, detail::token_of_function(kind->decode));
    kind->encode(out, process);
  }
  const auto& target = process.state().target;
  out.plain(target != nullptr);
  if (target != nullptr) target->encode(out);
}

std::unique_ptr<Process> ChildAccess::decode(detail::Reader& in) {
  using Decode = std::unique_ptr<Process>(detail::Reader&);
  std::unique_ptr<Process> process;
  if (in.plain<bool>()) {
    process = detail::function_of_token<Decode>(detail::decode_token(in))(in);
  } else {
    process = std::make_unique<Process>();
  }
  Process::State& mine = process->state();
  if (in.plain<bool>()) mine.target = detail::Target::decode(in);
  mine.phase = Process::State::Phase::current;
  mine.name = process::current_title();
  mine.daemon = process::local().daemon;
  mine.options = {};
  process::local().made = 0;  // it was counted as a child of its own
  return process;
}

}  // namespace multiprocessing
