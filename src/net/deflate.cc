#include "net/deflate.h"

#include <sys/mman.h>
#include <zlib.h>

#include <utility>

#include "base/check.h"

namespace pabal::net {
namespace {

constexpr size_t kReadBlock = 4 << 10;    // compressed octets taken at once
constexpr size_t kWriteBlock = 16 << 10;  // compressed octets written at once
constexpr int kAnyWindow = -15;           // negative: raw (RFC 4978 §4). What the peer may use: 32 KB
constexpr int kWindow = -13;              // what we use: 8 KB. The compressor's memory depends on these two
constexpr int kMemoryLevel = 6;
constexpr int kLevel = 3;  // text shrinks to a third at little cost
constexpr size_t kMaxDictionary = 32 << 10;

// A z_stream whose memory is pages of its own: they go back to the system when it ends. What malloc is given back in
// pieces of this size, from thousands of sessions, it keeps.
template <int (*End)(z_stream*)>
class Codec {
 public:
  z_stream z{};

  Codec() : pages_(::mmap(nullptr, kPages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    PABAL_CHECK(pages_ != MAP_FAILED);
    z.opaque = this;
    z.zalloc = take;
    z.zfree = [](voidpf, voidpf) {};
  }
  ~Codec() {
    End(&z);
    ::munmap(pages_, kPages);
  }
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

 private:
  static constexpr size_t kPages = 128 << 10;  // octets of addresses; only what is touched takes memory
  static voidpf take(voidpf self, uInt items, uInt size) {
    auto* codec = static_cast<Codec*>(self);
    const size_t wanted = (size_t{items} * size + 63) / 64 * 64;
    if (wanted > kPages - codec->used_) return nullptr;
    return static_cast<char*>(codec->pages_) + std::exchange(codec->used_, codec->used_ + wanted);
  }

  void* pages_;
  size_t used_ = 0;
};

Bytef* octets(const char* p) { return reinterpret_cast<Bytef*>(const_cast<char*>(p)); }

class Inflater {
 public:
  bool ended() const { return ended_; }
  void feed(std::string octets) { in_ = std::move(octets), at_ = 0; }

  // Up to out.size() octets; 0: feed() more, unless it has ended().
  Result<size_t> take(std::span<char> out) {
    if (ended_ || (at_ == in_.size() && !more_)) return size_t{0};
    wake();
    codec_->z.next_in = octets(in_.data() + at_);
    codec_->z.avail_in = static_cast<uInt>(in_.size() - at_);
    codec_->z.next_out = octets(out.data());
    codec_->z.avail_out = static_cast<uInt>(out.size());
    const int done = ::inflate(&codec_->z, Z_SYNC_FLUSH);
    at_ = in_.size() - codec_->z.avail_in;
    if (at_ == in_.size()) in_ = {}, at_ = 0;
    ended_ = done == Z_STREAM_END;
    const size_t made = out.size() - codec_->z.avail_out;
    const bool damaged = done != Z_OK && done != Z_STREAM_END && done != Z_BUF_ERROR;
    if (damaged && made == 0) return Error{Code::kClosed, "the compressed octets of the peer are damaged"};
    more_ = codec_->z.avail_out == 0 || damaged;  // more output inside, or the fault to tell of
    return made;
  }

  // Lets go of all but the peer's last octets, if that is possible where it stands: between two blocks, with no bits of
  // the next one taken, which is where every flush ends.
  void rest() {
    constexpr int kBits = 7, kLast = 64, kBetween = 128;
    if (!codec_ || more_ || at_ < in_.size() || (codec_->z.data_type & (kBits | kLast | kBetween)) != kBetween) return;
    std::string last(kMaxDictionary, '\0');
    uInt size = 0;
    if (inflateGetDictionary(&codec_->z, octets(last.data()), &size) != Z_OK) return;
    dictionary_.assign(last, 0, size);
    codec_.reset();
  }

 private:
  void wake() {
    if (codec_) return;
    codec_ = std::make_unique<Codec<inflateEnd>>();
    PABAL_CHECK(inflateInit2(&codec_->z, kAnyWindow) == Z_OK);
    if (dictionary_.empty()) return;
    PABAL_CHECK(inflateSetDictionary(&codec_->z, octets(dictionary_.data()), static_cast<uInt>(dictionary_.size())) ==
                Z_OK);
    dictionary_ = {};
  }

  std::unique_ptr<Codec<inflateEnd>> codec_;
  std::string in_, dictionary_;
  size_t at_ = 0;
  bool more_ = false, ended_ = false;
};

class DeflateStream final : public Stream {
 public:
  explicit DeflateStream(std::unique_ptr<Stream> inner) : inner_(std::move(inner)) {}

  Task<Result<size_t>> read(std::span<char> buffer, Time deadline) override {
    for (;;) {
      Result<size_t> made = inflater_.take(buffer);
      if (!made || *made > 0 || inflater_.ended()) co_return made;
      std::string block(kReadBlock, '\0');
      Task<Result<size_t>> reading = inner_->read(block, deadline);
      const Result<size_t> got = co_await reading;
      if (!got || *got == 0) co_return got;
      block.resize(*got);
      inflater_.feed(std::move(block));
    }
  }

  Task<Result<void>> write(std::string_view data, Time deadline) override {
    if (data.empty()) co_return Result<void>();
    rest_.reset();
    if (!codec_) {
      // A new compressor refers to nothing that came before it: to the peer that is one stream.
      codec_ = std::make_unique<Codec<deflateEnd>>();
      PABAL_CHECK(deflateInit2(&codec_->z, kLevel, Z_DEFLATED, kWindow, kMemoryLevel, Z_DEFAULT_STRATEGY) == Z_OK);
    }
    codec_->z.next_in = octets(data.data());
    codec_->z.avail_in = static_cast<uInt>(data.size());
    for (bool full = true; full;) {
      std::string block(kWriteBlock, '\0');
      codec_->z.next_out = octets(block.data());
      codec_->z.avail_out = static_cast<uInt>(block.size());
      ::deflate(&codec_->z, Z_SYNC_FLUSH);
      full = codec_->z.avail_out == 0;
      block.resize(block.size() - codec_->z.avail_out);
      Task<Result<void>> writing = inner_->write(block, deadline);
      const Result<void> done = co_await writing;
      if (!done) co_return done;
    }
    rest_ = loop().at(loop().now() + kDeflateRest, [this] {
      codec_.reset();
      inflater_.rest();
    });
    co_return Result<void>();
  }

  Task<Result<void>> tls_accept(std::shared_ptr<TlsServer>, Time) override { co_return kNoTls; }
  Task<Result<void>> tls_connect(TlsClientOptions, Time) override { co_return kNoTls; }
  void close() override { inner_->close(); }
  const TlsInfo* tls() const override { return inner_->tls(); }
  Address local() const override { return inner_->local(); }
  Address remote() const override { return inner_->remote(); }
  Loop& loop() override { return inner_->loop(); }

 private:
  static inline const Error kNoTls{Code::kUnsupported, "TLS comes before compression"};

  std::unique_ptr<Stream> inner_;
  Inflater inflater_;
  std::unique_ptr<Codec<deflateEnd>> codec_;
  std::unique_ptr<Loop::Timer> rest_;
};

}  // namespace

std::unique_ptr<Stream> make_deflate_stream(std::unique_ptr<Stream> inner) {
  return std::make_unique<DeflateStream>(std::move(inner));
}

}  // namespace pabal::net
