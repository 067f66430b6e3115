#include "wire/exception_kinds.hpp"

#include <any>
#include <filesystem>
#include <functional>
#include <future>
#include <ios>
#include <memory>
#include <new>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <typeinfo>
#include <utility>
#include <variant>
#include <vector>

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/errors.hpp>

#include "wire/error_category.hpp"
#include "wire/memory_death.hpp"

namespace multiprocessing::wire {

namespace {

using detail::decode_value;
using detail::encode_value;
using detail::ExceptionKind;
using detail::Reader;
using detail::Writer;

/// A kind that is nothing but its name: made without arguments.
template <class T>
constexpr ExceptionKind bare() {
  return {&typeid(T), [](Writer&, const std::exception_ptr&) {},
          [](Reader&, std::string what, std::string traceback) {
            return detail::arrive<T>(T(), std::move(what), std::move(traceback));
          }};
}

/// A kind with data: `Write` puts it down, `Read` makes a T from it and the text.
template <class T, void (*Write)(Writer&, const T&), T (*Read)(Reader&, const std::string&)>
constexpr ExceptionKind with_data() {
  return {&typeid(T),
          [](Writer& out, const std::exception_ptr& exception) {
            try {
              std::rethrow_exception(exception);
            } catch (const T& thrown) {
              Write(out, thrown);
            }
          },
          [](Reader& in, std::string what, std::string traceback) {
            T thrown = Read(in, what);
            return detail::arrive<T>(std::move(thrown), std::move(what), std::move(traceback));
          }};
}

template <class T>
void write_code(Writer& out, const T& error) {
  encode_error_code(out, error.code());
}

template <class T>
T read_coded(Reader& in, const std::string& what) {
  if constexpr (std::is_same_v<T, std::ios_base::failure>) {
    return T(what, decode_error_code(in));
  } else {
    return T(decode_error_code(in), what);
  }
}

std::future_error read_future_error(Reader& in, const std::string&) {
  return std::future_error(static_cast<std::future_errc>(decode_error_code(in).value()));
}

void write_regex_error(Writer& out, const std::regex_error& error) {
  out.plain(static_cast<int>(error.code()));
}
std::regex_error read_regex_error(Reader& in, const std::string&) {
  return std::regex_error(static_cast<std::regex_constants::error_type>(in.plain<int>()));
}

using std::filesystem::filesystem_error;
void write_filesystem_error(Writer& out, const filesystem_error& error) {
  encode_error_code(out, error.code());
  encode_value(out, error.path1());
  encode_value(out, error.path2());
}
filesystem_error read_filesystem_error(Reader& in, const std::string& what) {
  const auto code = decode_error_code(in);
  const auto path1 = decode_value<std::filesystem::path>(in);
  return {what, path1, decode_value<std::filesystem::path>(in), code};
}

void write_too_short(Writer& out, const BufferTooShort& error) {
  encode_value(out, error.message());
}
BufferTooShort read_too_short(Reader& in, const std::string& what) {
  return BufferTooShort(what, decode_value<std::vector<std::byte>>(in));
}

void write_owner_died(Writer& out, const LockOwnerDied& error) {
  out.plain(error.pid());
}
LockOwnerDied read_owner_died(Reader& in, const std::string& what) {
  return {in.plain<int>(), what};
}

void write_interrupt(Writer& out, const KeyboardInterrupt& error) {
  out.plain(error.signum());
}
KeyboardInterrupt read_interrupt(Reader& in, const std::string& what) {
  return {in.plain<int>(), what};
}

void write_worker_died(Writer& out, const WorkerDied& error) {
  out.plain(error.pid());
  encode_value(out, error.signal());
  encode_value(out, error.exit_code());
  encode_value(out, error.task_name());
}
WorkerDied read_worker_died(Reader& in, const std::string&) {
  const auto pid = in.plain<int>();
  const auto signal = decode_value<std::optional<int>>(in);
  const auto exit_code = decode_value<std::optional<int>>(in);
  return {pid, signal, exit_code, decode_value<std::string>(in)};
}

void write_memory_death(Writer& out, const MemoryDeath& error) {
  write_worker_died(out, error);
}
MemoryDeath read_memory_death(Reader& in, const std::string& what) {
  return MemoryDeath(read_worker_died(in, what));
}

}  // namespace

const ExceptionKind* built_in_exception_kinds() {  // a flat table
  using detail::exception_kind;
  static const ExceptionKind kinds[] = {
      // NOLINT(modernize-avoid-c-arrays): it counts itself
      exception_kind<std::logic_error>(),
      exception_kind<std::invalid_argument>(),
      exception_kind<std::domain_error>(),
      exception_kind<std::length_error>(),
      exception_kind<std::out_of_range>(),
      exception_kind<std::runtime_error>(),
      exception_kind<std::range_error>(),
      exception_kind<std::overflow_error>(),
      exception_kind<std::underflow_error>(),
      bare<std::exception>(),
      bare<std::bad_alloc>(),
      bare<std::bad_array_new_length>(),
      bare<std::bad_cast>(),
      bare<std::bad_typeid>(),
      bare<std::bad_exception>(),
      bare<std::bad_function_call>(),
      bare<std::bad_weak_ptr>(),
      bare<std::bad_optional_access>(),
      bare<std::bad_variant_access>(),
      bare<std::bad_any_cast>(),
      with_data<std::system_error, write_code, read_coded<std::system_error>>(),
      with_data<std::ios_base::failure, write_code, read_coded<std::ios_base::failure>>(),
      with_data<std::future_error, write_code, read_future_error>(),
      with_data<std::regex_error, write_regex_error, read_regex_error>(),
      with_data<filesystem_error, write_filesystem_error, read_filesystem_error>(),
      exception_kind<Error>(),
      exception_kind<ProcessError>(),
      exception_kind<AuthenticationError>(),
      exception_kind<TimeoutError>(),
      exception_kind<TaskTimeout>(),
      exception_kind<TransferError>(),
      exception_kind<ArenaExhausted>(),
      exception_kind<Empty>(),
      exception_kind<Full>(),
      exception_kind<ShutDown>(),
      exception_kind<KeyError>(),
      exception_kind<ValueError>(),
      exception_kind<EOFError>(),
      exception_kind<BrokenBarrierError>(),
      exception_kind<BrokenExecutor>(),
      exception_kind<BrokenProcessPool>(),
      exception_kind<BrokenThreadPool>(),
      exception_kind<CancelledError>(),
      exception_kind<InvalidStateError>(),
      with_data<BufferTooShort, write_too_short, read_too_short>(),
      with_data<LockOwnerDied, write_owner_died, read_owner_died>(),
      with_data<WorkerDied, write_worker_died, read_worker_died>(),
      with_data<MemoryDeath, write_memory_death, read_memory_death>(),
      with_data<KeyboardInterrupt, write_interrupt, read_interrupt>(),
      ExceptionKind{},
  };
  return kinds;
}

}  // namespace multiprocessing::wire
