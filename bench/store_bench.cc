// room: store
// How fast the store commits deliveries: N writers, each with one transaction under way, an incompressible body of 8
// KiB and eight small keys in it, as a delivery writes them. Beside it the disk's own rate of append + fdatasync,
// because only the ratio of the two says something about the store.
//
//   store_bench [FOLDER [SECONDS]]      FOLDER is on the disk to be measured; the store in it is made and removed
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <mutex>
#include <thread>
#include <vector>

#include "base/codec.h"
#include "base/random.h"
#include "store/rocksdb_store.h"

namespace {
using namespace pabal;
using Steady = std::chrono::steady_clock;

double since(Steady::time_point start) { return std::chrono::duration<double>(Steady::now() - start).count(); }

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

long resident_mib() {
  long pages = 0, resident = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
    std::fclose(file);
  }
  return resident * ::sysconf(_SC_PAGESIZE) >> 20;
}

double disk_syncs_per_second(const std::string& folder, double seconds) {
  const std::string path = folder + "/fdatasync";
  const int file = ::open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_APPEND, 0600);
  if (file < 0) return 0;
  const std::string block(8192, 'x');
  const auto start = Steady::now();
  int count = 0;
  while (since(start) < seconds && ::write(file, block.data(), block.size()) > 0 && ::fdatasync(file) == 0) ++count;
  const double rate = count / since(start);
  ::close(file);
  std::filesystem::remove(path);
  return rate;
}

// Work that one thread does in turn, as an event loop does; transactions end by posting to it.
class Loop {
 public:
  Loop() : thread_([this] { run(); }) {}
  ~Loop() {
    post(nullptr);
    thread_.join();
  }
  void post(std::function<void()> job) {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    if (jobs_.size() == 1) wake_.notify_one();
  }

 private:
  void run() {
    for (;;) {
      std::deque<std::function<void()>> jobs;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return !jobs_.empty(); });
        jobs.swap(jobs_);
      }
      for (auto& job : jobs) {
        if (!job) return;
        job();
      }
    }
  }
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  std::thread thread_;
};

// A delivery: reads the account's state and mailbox, looks for a thread that is not there, writes body and keys.
Result<void> deliver(store::Transaction& t, uint32_t account, uint64_t message, std::string_view body) {
  const auto in = [&](char kind) { return Encoder().u8('A').u32(account).u8(static_cast<uint8_t>(kind)); };
  const std::string state_key = in('s').take(), box_key = in('b').u32(1).take();
  const auto state = t.get(state_key);
  if (!state) return state.error();
  const auto box = t.get(box_key);
  if (!box) return box.error();
  const auto thread = t.get(in('t').u64(message * 0x9e3779b97f4a7c15).take());
  if (!thread) return thread.error();
  const uint64_t modseq = *state ? Decoder(**state).u64() + 1 : 1;

  t.put(Encoder().u8('B').u64(message).take(), body, store::Space::kBody);
  t.put(state_key, Encoder().u64(modseq).raw(body.substr(0, 24)).take());
  t.put(box_key, Encoder().u64(modseq).raw(body.substr(0, 40)).take());
  t.put(in('m').u64(message).take(), body.substr(0, 100));
  t.put(in('e').u64(message).take(), body.substr(100, 600));
  t.put(in('w').u64(message).take(), body.substr(700, 900));
  t.put(in('u').u32(1).u32(static_cast<uint32_t>(modseq)).take(), body.substr(0, 24));
  t.put(in('c').u64(modseq).take(), body.substr(0, 20));
  t.put_until(Encoder().u8('T').u64(message).take(), body.substr(0, 200), from_unix(4'000'000'000));
  return {};
}

struct Measured {
  double rate = 0, per_group = 0, cpu_micros = 0, p50_ms = 0, p99_ms = 0;
};

Measured measure(store::Store& store, size_t writers, double seconds, std::atomic<uint64_t>& next_message,
                 const std::string& noise) {
  const auto before = store.figures();
  const double cpu_before = cpu_seconds();
  std::atomic<bool> stop{false};
  std::atomic<size_t> under_way{0};
  std::mutex mutex;
  std::vector<double> latencies;
  const auto start = Steady::now();
  {
    Loop loops[2];
    std::vector<std::function<void()>> next(writers);
    for (size_t w = 0; w < writers; ++w) {
      Loop& loop = loops[w % 2];
      next[w] = [&, w] {
        const uint64_t message = next_message++;
        const auto begun = Steady::now();
        const std::string_view body = std::string_view(noise).substr(message * 7919 % (noise.size() - 8192), 8192);
        store.transact(
            [w, message, body](store::Transaction& t) { return deliver(t, static_cast<uint32_t>(w), message, body); },
            [&, w, begun](Result<void> result) {
              if (!result) std::fprintf(stderr, "%s\n", result.error().message.c_str()), std::exit(1);
              loop.post([&, w, begun] {
                {
                  std::lock_guard lock(mutex);
                  latencies.push_back(since(begun) * 1e3);
                }
                if (!stop)
                  next[w]();
                else
                  --under_way;
              });
            });
      };
    }
    under_way = writers;
    for (size_t w = 0; w < writers; ++w) loops[w % 2].post([&, w] { next[w](); });
    while (since(start) < seconds) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    stop = true;
    while (under_way > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const double took = since(start);
  const auto after = store.figures();
  const double count = static_cast<double>(after.transactions - before.transactions);
  std::sort(latencies.begin(), latencies.end());
  return {count / took, count / static_cast<double>(after.groups - before.groups),
          (cpu_seconds() - cpu_before) / count * 1e6, latencies[latencies.size() / 2],
          latencies[latencies.size() * 99 / 100]};
}

}  // namespace

int main(int argc, char** argv) {
  const std::string parent = argc > 1 ? argv[1] : ".";
  const double seconds = argc > 2 ? std::atof(argv[2]) : 3;
  std::string folder = parent + "/store_bench.XXXXXX";
  if (!::mkdtemp(folder.data())) return std::perror(folder.c_str()), 1;

  SeededRandom random(1);
  const std::string noise = random.bytes(8 << 20);
  SystemClock clock;
  store::RocksOptions options;
  options.path = folder + "/db";
  std::atomic<uint64_t> next_message{1};
  std::printf("resident at start %ld MiB\n", resident_mib());
  {
    auto store = store::open_rocksdb(options, clock);
    if (!store) return std::fprintf(stderr, "%s\n", store.error().message.c_str()), 1;
    std::printf("resident with an open store %ld MiB\n", resident_mib());
    std::printf("%8s %12s %12s %10s %10s %9s %9s\n", "writers", "commits/s", "x fdatasync", "in group", "CPU us",
                "p50 ms", "p99 ms");
    for (const size_t writers : {1, 8, 32, 64}) {
      const double disk = disk_syncs_per_second(folder, 1);
      const Measured m = measure(**store, writers, seconds, next_message, noise);
      std::printf("%8zu %12.0f %12.2f %10.1f %10.1f %9.2f %9.2f   (disk %.0f/s)\n", writers, m.rate, m.rate / disk,
                  m.per_group, m.cpu_micros, m.p50_ms, m.p99_ms, disk);
      std::fflush(stdout);
    }
    std::printf("resident after the load %ld MiB, %llu MiB on disk\n", resident_mib(),
                static_cast<unsigned long long>((*store)->figures().disk_bytes >> 20));
  }
  const auto start = Steady::now();
  {
    auto again = store::open_rocksdb(options, clock);
    if (!again) return std::fprintf(stderr, "%s\n", again.error().message.c_str()), 1;
    std::printf("opening again %.0f ms\n", since(start) * 1e3);
  }
  std::filesystem::remove_all(folder);
  return 0;
}
