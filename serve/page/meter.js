// A level meter: loudness from 0 to 1 goes in, a row of bars that wanders left comes out.

const STEP = 5;
const BAR = 3;

export function meter(canvas) {
  const context = canvas.getContext("2d");
  let levels = [];

  function draw() {
    const { clientWidth: width, clientHeight: height } = canvas;
    const sharpness = devicePixelRatio;
    [canvas.width, canvas.height] = [width * sharpness, height * sharpness];
    context.scale(sharpness, sharpness);
    context.fillStyle = getComputedStyle(canvas).color;
    levels = levels.slice(-Math.floor(width / STEP));
    levels.forEach((level, i) => {
      const tall = Math.max(2, level * height);
      context.fillRect(width - (levels.length - i) * STEP, (height - tall) / 2, BAR, tall);
    });
  }

  return {
    push(level) {
      levels.push(level);
      draw();
    },
    clear() {
      levels = [];
    },
  };
}
