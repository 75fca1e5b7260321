// Uploads with progress: `fetch` cannot tell how much of a body has been sent.
import type { Schemas } from './client';
import { ApiError, type Problem } from './errors';

/** Sends one package and answers what became of it. `onProgress` gets percent from 0 to 100. */
export function uploadPackage(file: File, onProgress: (percent: number) => void) {
  const address = `/api/v1/packages?filename=${encodeURIComponent(file.name)}`;
  return send<Schemas['Version'][]>(address, 'application/octet-stream', file, onProgress);
}

/** Installs a plugin, or swaps its version. */
export function uploadPlugin(file: File, onProgress: (percent: number) => void) {
  return send<Schemas['Plugin']>('/api/v1/plugins', 'application/wasm', file, onProgress);
}

/** The answer is what the address's schema says; only the caller knows which. */
function send<T>(address: string, type: string, file: File, onProgress: (percent: number) => void) {
  return new Promise<T>((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', address);
    request.setRequestHeader('Content-Type', type);
    request.upload.addEventListener('progress', (event) => {
      if (event.lengthComputable) onProgress(Math.round((event.loaded / event.total) * 100));
    });
    request.addEventListener('error', () => reject(new ApiError({}, 0)));
    request.addEventListener('load', () => {
      const body = parsed(request.responseText);
      if (request.status >= 200 && request.status < 300) resolve(body as T);
      else reject(new ApiError((body ?? {}) as Problem, request.status));
    });
    request.send(file);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
