/// Elementary functions on lanes and blocks, with relative errors of about 1e-7; NaN stays NaN.
///
/// Polynomials come from tools/fit_polynomials.py. Results below 2^-126 become 0: the gradients of a long sequence
/// decay into denormal numbers, which cost much and say nothing.
#pragma once

#include <bit>
#include <cstdint>

#include "rnn/kernel/lanes.hpp"

namespace repal::rnn {

inline Lanes all_lanes(float x) {
    return Lanes{} + x;
}

inline LaneBits bits_of(Lanes x) {
    return std::bit_cast<LaneBits>(x);
}
inline Lanes lanes_of(LaneBits bits) {
    return std::bit_cast<Lanes>(bits);
}

inline Lanes absolute(Lanes x) {
    return lanes_of(bits_of(x) & INT32_MAX);
}
inline Lanes with_sign_of(Lanes sign, Lanes magnitude) {
    return lanes_of(bits_of(magnitude) | (bits_of(sign) & INT32_MIN));
}

/// max(x, 0), and NaN for NaN.
inline Lanes positive_part(Lanes x) {
    return 0.0f > x ? all_lanes(0.0f) : x;
}

/// exp(x) for x <= 88; 0 below -87.7.
inline Lanes exp_bounded(Lanes x) {
    // Adding 1.5 * 2^23 leaves the nearest integer in the low bits; the 127 makes it a biased exponent.
    constexpr float rounder = 12582912.0f + 127.0f;
    constexpr float log2_high = 0.693359375f;  // few bits: its product with an exponent is exact
    constexpr float log2_low = -2.12194440e-4f;
    constexpr float lowest = -88.0f;  // rounds to the exponent -127, whose biased form is the number 0
    const Lanes bounded = lowest > x ? all_lanes(lowest) : x;
    const Lanes shifted = bounded * 1.44269504f + rounder;
    const Lanes exponent = shifted - rounder;
    const Lanes r = (bounded - exponent * log2_high) - exponent * log2_low;
    const Lanes r2 = r * r;
    const Lanes upper = r2 * 1.381314257e-03f + (r * 8.369419269e-03f + 4.166845685e-02f);
    const Lanes p = r2 * (r2 * upper + (r * 1.666651479e-01f + 4.999999305e-01f)) + r;
    const Lanes power = lanes_of(bits_of(shifted) << 23);
    return p * power + power;
}

/// log(1 + u) / u for u in [0, 1].
inline Lanes log1p_quotient(Lanes u) {
    const Lanes u2 = u * u;
    const Lanes p01 = u * -4.999949313e-01f + 9.999999699e-01f;
    const Lanes p23 = u * -2.484297904e-01f + 3.331909649e-01f;
    const Lanes p45 = u * -1.366321402e-01f + 1.910599285e-01f;
    const Lanes p678 = u2 * 5.232629352e-03f + (u * -2.950498694e-02f + 7.822555767e-02f);
    return (u2 * u2) * (u2 * p678 + p45) + (u2 * p23 + p01);
}

/// tanh(x) for |x| <= 0.625, where the formula with exponentials would cancel.
inline Lanes small_tanh(Lanes x) {
    const Lanes x2 = x * x;
    Lanes p = x2 * -5.717032529e-03f + 2.065057556e-02f;
    p = p * x2 + -5.374349426e-02f;
    p = p * x2 + 1.333149124e-01f;
    p = p * x2 + -3.333328392e-01f;
    return p * x2 * x + x;
}

/// 1 / (1 + exp(-x)), given u = exp(-|x|). The sign bit of x selects without a comparison.
inline Lanes sigmoid_from(Lanes x, Lanes u) {
    return (bits_of(x) < 0 ? u : all_lanes(1.0f)) / (1.0f + u);
}

/// Natural logarithm of numbers that are not negative and not denormal.
inline Lanes logarithm(Lanes x) {
    constexpr std::int32_t sqrt_half = 0x3f3504f3;
    const LaneBits exponent = (bits_of(x) - sqrt_half) >> 23;
    const Lanes f = lanes_of(bits_of(x) - (exponent << 23)) - 1.0f;
    Lanes p = f * -7.823312847e-02f + 1.300482022e-01f;
    p = p * f + -1.320881516e-01f;
    p = p * f + 1.416347178e-01f;
    p = p * f + -1.661114836e-01f;
    p = p * f + 2.000301545e-01f;
    p = p * f + -2.500152212e-01f;
    p = p * f + 3.333330829e-01f;
    p = p * f + -4.999998916e-01f;
    const Lanes e = __builtin_convertvector(exponent, Lanes);
    const Lanes result = e * 0.693359375f + (f + (p * (f * f) + e * -2.12194440e-4f));
    const Lanes infinity = all_lanes(__builtin_inff());
    const Lanes at_zero = x == 0.0f ? -infinity : result;
    return x < infinity ? at_zero : x;  // infinity and NaN are their own logarithms
}

/// exp(-|x|) of a block. Functions of a block work in phases like this one, each over all rows: the whole chain of
/// operations of one row is too long for the processor to overlap it with that of the next.
inline Block exp_of_minus_magnitude(const Block& x) {
    return block_of([&](int row) { return exp_bounded(-absolute(x[row])); });
}

inline Block sigmoid(const Block& x) {
    const Block u = exp_of_minus_magnitude(x);
    return block_of([&](int row) { return sigmoid_from(x[row], u[row]); });
}

/// A nonlinearity and its derivative at the same places.
struct Activated {
    Block value;
    Block slope;
};

struct Relu {
    static Activated at(const Block& x) {
        return {block_of([&](int row) { return positive_part(x[row]); }),
                block_of([&](int row) { return x[row] > 0.0f ? all_lanes(1.0f) : all_lanes(0.0f); })};
    }
};

struct LeakyRelu {
    static Activated at(const Block& x) {
        const Block slope = block_of([&](int row) { return x[row] > 0.0f ? all_lanes(1.0f) : all_lanes(0.01f); });
        return {block_of([&](int row) { return slope[row] * x[row]; }), slope};
    }
};

/// log(1 + exp(x)); its linear continuation above 20 is what single precision gives anyway.
struct Softplus {
    static Activated at(const Block& x) {
        const Block u = exp_of_minus_magnitude(x);
        return {block_of([&](int row) { return u[row] * log1p_quotient(u[row]) + positive_part(x[row]); }),
                block_of([&](int row) { return sigmoid_from(x[row], u[row]); })};
    }
};

struct Tanh {
    static Activated at(const Block& x) {
        const Block u = block_of([&](int row) { return exp_bounded(-2.0f * absolute(x[row])); });
        const Block value = block_of([&](int row) {
            const Lanes large = with_sign_of(x[row], 1.0f - 2.0f * u[row] / (1.0f + u[row]));
            return absolute(x[row]) > 0.625f ? large : small_tanh(x[row]);
        });
        return {value, block_of([&](int row) { return 1.0f - value[row] * value[row]; })};
    }
};

}  // namespace repal::rnn
