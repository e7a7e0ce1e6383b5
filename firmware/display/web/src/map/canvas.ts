// A map on two canvases, one over the other: dies below, marks above. Only dies
// whose bin changed are drawn anew while the view stays.
import type { Defect, DieMap } from "../types";
import { drawDie, drawDisc, drawOver, type Scene } from "./draw";
import { dieAt, hit, modelOf, toWafer, whole, type Model, type Point, type Size, type View } from "./geometry";

const NEVER = -32768; // no bin: the die has not been drawn

export interface Shown { map: DieMap; field: number; selected: { column: number; row: number } | null }

export class MapCanvas {
  view: View = whole;
  private model: Model | null = null;
  private size: Size = { width: 0, height: 0 };
  private drawn = new Int16Array(0);
  private shown: Shown | null = null;
  private frame = 0;
  private readonly sizes: ResizeObserver;

  constructor(private readonly base: HTMLCanvasElement, private readonly over: HTMLCanvasElement) {
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(base);
  }

  close(): void {
    this.sizes.disconnect();
    cancelAnimationFrame(this.frame);
  }

  show(shown: Shown): void {
    const { geometry } = shown.map;
    if (!this.model || this.model.geometry !== geometry || this.model.x.length !== geometry.dies.length) {
      this.model = modelOf(geometry);
      this.all();
    }
    this.shown = shown;
    this.request();
  }

  look(view: View): void {
    this.view = view;
    this.all();
    this.request();
  }

  // scene is null until there is something to show and a size to show it at.
  scene(): Scene | null {
    return this.model && this.size.width > 0 ? { model: this.model, view: this.view, size: this.size } : null;
  }

  dieUnder(p: Point): [column: number, row: number] | undefined {
    const scene = this.scene();
    if (!scene) return undefined;
    const n = hit(scene.model, toWafer(scene.model, scene.view, scene.size, p));
    return n === undefined ? undefined : scene.model.geometry.dies[n];
  }

  private resize(): void {
    const scale = devicePixelRatio;
    this.size = { width: this.base.clientWidth, height: this.base.clientHeight };
    for (const canvas of [this.base, this.over]) {
      canvas.width = Math.round(this.size.width * scale);
      canvas.height = Math.round(this.size.height * scale);
      canvas.getContext("2d")?.setTransform(scale, 0, 0, scale, 0, 0);
    }
    this.all();
    this.request();
  }

  // all has every die drawn anew.
  private all(): void {
    this.drawn = new Int16Array(this.model?.x.length ?? 0).fill(NEVER);
  }

  private request(): void {
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.draw());
  }

  private draw(): void {
    this.frame = 0;
    const scene = this.scene();
    const base = this.base.getContext("2d");
    const over = this.over.getContext("2d");
    if (!scene || !base || !over || !this.shown) return;
    this.drawDies(base, scene, this.shown.map.bins);
    over.clearRect(0, 0, scene.size.width, scene.size.height);
    const { selected, field, map } = this.shown;
    drawOver(over, scene, { field, defects: map.defects, selected: selected ? dieAt(scene.model, selected.column, selected.row) : undefined });
  }

  private drawDies(c: CanvasRenderingContext2D, scene: Scene, bins: number[]): void {
    if (this.drawn.every((bin) => bin === NEVER)) {
      c.clearRect(0, 0, scene.size.width, scene.size.height);
      drawDisc(c, scene);
    }
    bins.forEach((bin, n) => {
      if (this.drawn[n] === bin) return;
      drawDie(c, scene, n, bin);
      this.drawn[n] = bin;
    });
  }
}

// defectsOf are a die's defects, in the order found.
export const defectsOf = (map: DieMap, die: { column: number; row: number }): Defect[] =>
  map.defects.filter((d) => d.column === die.column && d.row === die.row);
