/* log q of a coupling flow (flows.py) for many events: the same arithmetic as Flow.log_prob, fused.

   A tile of events passes through all layers while it stays in the first-level cache, features by rows, events along
   the vector lanes. flows_compiled.py compiles this file for the machine it runs on, packs the weights and calls it. */

#include <math.h>
#include <string.h>

enum { TILE = 64, ROWS = 4, LAYERS_PER_LOG = 8 };

#ifdef __AVX512F__
enum { LANES = 16, GROUP = 4 }; /* vectors of events per register block: ROWS x GROUP sums fill the registers */
#else
enum { LANES = 8, GROUP = 2 };
#endif

typedef float vector __attribute__((vector_size(LANES * sizeof(float)), aligned(LANES * sizeof(float))));
typedef float row[TILE] __attribute__((aligned(64)));

/* y = W x + b. The weights come in blocks of ROWS outputs: their biases, then for each input its ROWS weights. Returns
   the first weight after those used. */
static const float *linear(const float *restrict w, int outputs, int inputs, row *restrict x, row *restrict y)
{
    for (int o = 0; o < outputs; o += ROWS, w += ROWS * (inputs + 1))
        for (int e = 0; e < TILE; e += LANES * GROUP) {
            vector sum[ROWS][GROUP];
#pragma GCC unroll 4
            for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
                for (int g = 0; g < GROUP; g++)
                    sum[r][g] = w[r] + (vector){0};
            for (int i = 0; i < inputs; i++) {
                const float *c = w + ROWS * (i + 1);
                const vector *in = (const vector *)(x[i] + e);
#pragma GCC unroll 4
                for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
                    for (int g = 0; g < GROUP; g++)
                        sum[r][g] += c[r] * in[g];
            }
#pragma GCC unroll 4
            for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
                for (int g = 0; g < GROUP; g++)
                    ((vector *)(y[o + r] + e))[g] = sum[r][g];
        }
    return w;
}

/* GELU x Phi(x) in place. Phi(x) = 1/2 + x p(x^2) for |x| <= 5.25, p the Chebyshev interpolation of degree 14 of
   (Phi(x) - 1/2) / x as a function of x^2, written in t = 2 x^2 / 5.25^2 - 1; the error is below 1e-6. */
static void gelu(int rows, row *x)
{
    static const float p[] = {
        0.134659344f, -0.0671268535f, 0.0496459882f, -0.0397621729f, 0.0320275488f,
        -0.0250531917f, 0.0185659252f, -0.012732101f, 0.00832868063f, -0.00552801756f,
        0.00303971674f, -0.000969868732f, 0.000545513713f, -0.000679886873f, 0.000277460032f,
    };
    float *v = x[0];
    for (int k = 0; k < rows * TILE; k++) {
        float c = fminf(fmaxf(v[k], -5.25f), 5.25f);
        float t = c * c * (2 / (5.25f * 5.25f)) - 1, s = p[14];
        for (int n = 13; n >= 0; n--)
            s = s * t + p[n];
        v[k] *= 0.5f + c * s;
    }
}

/* Within +-40, where the sigmoid and tanh have long reached their limits and exp is far from overflowing. */
static float bounded(float x) { return fminf(fmaxf(x, -40), 40); }

static float tanh_(float x) { return 1 - 2 / (1 + expf(bounded(2 * x))); }

/* The transforms of flows.py on one feature: x becomes y, the product of slopes grows by |dy/dx|. */
static void gated_affine(float *restrict x, float *restrict slopes, row *raw, int count)
{
    const float *s = raw[0], *t = raw[count], *g = raw[2 * count];
    for (int e = 0; e < TILE; e++) {
        float gate = 1 / (1 + expf(-bounded(g[e]))), slope = 1 + gate * (expf(tanh_(s[e])) - 1);
        x[e] = x[e] * slope + gate * t[e];
        slopes[e] *= slope;
    }
}

static void quadratic(float *restrict x, float *restrict slopes, row *raw, int count)
{
    const float *s = raw[0], *t = raw[count];
    for (int e = 0; e < TILE; e++) {
        float a = 0.1f * tanh_(s[e]);
        slopes[e] *= fabsf(1 + 2 * a * x[e]);
        x[e] += a * x[e] * x[e] + t[e];
    }
}

static void hyperbolic(float *restrict x, float *restrict slopes, row *raw, int count)
{
    const float *s = raw[0], *t = raw[count];
    for (int e = 0; e < TILE; e++) {
        float a = 0.9f * tanh_(s[e]), root = sqrtf(1 + x[e] * x[e]);
        slopes[e] *= 1 + a * (x[e] / root);
        x[e] += a * (root - 1) + t[e];
    }
}

/* log q of `events` events, rows of x with `features` values each. `plan` holds three numbers per layer: the transform
   (0 gated affine, 1 quadratic, 2 hyperbolic), the half that is kept and the half that is changed. Returns 1, having
   computed nothing, if the sizes exceed what is laid out here, else 0. */
int log_q(const float *weights, const int *plan, int layers, int depth, int width, int features, const float *x,
          long events, float *out)
{
    enum { MOST_FEATURES = 128, MOST_WIDTH = 256 };
    static const int parameters[] = {3, 2, 2};
    row half[2][MOST_FEATURES / 2], slopes[2][MOST_FEATURES / 2], hidden[2][MOST_WIDTH], total;
    int sizes[2] = {(features + 1) / 2, features / 2};
    if (features > MOST_FEATURES || width > MOST_WIDTH || 3 * sizes[0] + ROWS > MOST_WIDTH || width % ROWS)
        return 1;
    for (long start = 0; start < events; start += TILE) {
        int count = events - start < TILE ? (int)(events - start) : TILE;
        memset(half, 0, sizeof half);
        for (int e = 0; e < count; e++)
            for (int f = 0; f < features; f++)
                half[f % 2][f / 2][e] = x[(start + e) * features + f];
        for (int e = 0; e < TILE; e++)
            total[e] = -0.918938533f * features;
        for (int h = 0; h < 2; h++)
            for (int f = 0; f < sizes[h]; f++)
                for (int e = 0; e < TILE; e++)
                    slopes[h][f][e] = 1;
        const float *w = weights;
        for (int layer = 0; layer < layers; layer++) {
            int kind = plan[3 * layer], kept = plan[3 * layer + 1], changed = plan[3 * layer + 2];
            int changes = sizes[changed];
            w = linear(w, width, sizes[kept], half[kept], hidden[0]);
            for (int d = 1; d < depth; d++) {
                gelu(width, hidden[(d - 1) % 2]);
                w = linear(w, width, width, hidden[(d - 1) % 2], hidden[d % 2]);
            }
            row *last = hidden[(depth - 1) % 2], *raw = hidden[depth % 2];
            gelu(width, last);
            w = linear(w, parameters[kind] * changes, width, last, raw);
            for (int f = 0; f < changes; f++) {
                float *target = half[changed][f], *slope = slopes[changed][f];
                if (kind == 0)
                    gated_affine(target, slope, raw + f, changes);
                else if (kind == 1)
                    quadratic(target, slope, raw + f, changes);
                else
                    hyperbolic(target, slope, raw + f, changes);
            }
            if ((layer + 1) % LAYERS_PER_LOG == 0 || layer + 1 == layers)
                for (int h = 0; h < 2; h++)
                    for (int f = 0; f < sizes[h]; f++)
                        for (int e = 0; e < TILE; e++) {
                            total[e] += logf(slopes[h][f][e]);
                            slopes[h][f][e] = 1;
                        }
        }
        for (int h = 0; h < 2; h++)
            for (int f = 0; f < sizes[h]; f++)
                for (int e = 0; e < TILE; e++)
                    total[e] -= 0.5f * half[h][f][e] * half[h][f][e];
        memcpy(out + start, total, count * sizeof(float));
    }
    return 0;
}
